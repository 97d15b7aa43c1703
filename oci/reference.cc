// The grammar of image references, as distribution/reference has it:
//   reference := [domain "/"] path [":" tag] ["@" digest]
#include "oci/reference.h"

#include <algorithm>

#include "base/error.h"

namespace cooper::oci {
namespace {

constexpr std::string_view kOfficialPrefix = "library/";
constexpr std::size_t kMaxRepositoryBytes = 255;
constexpr std::size_t kMaxTagBytes = 128;

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw Error(Errc::invalid, cat("invalid reference format: ", why, " (\"", text, "\")"));
}

bool is_lower(char byte) {
  return byte >= 'a' && byte <= 'z';
}
bool is_upper(char byte) {
  return byte >= 'A' && byte <= 'Z';
}
bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}
bool is_lower_alnum(char byte) {
  return is_lower(byte) || is_digit(byte);
}
bool is_alnum(char byte) {
  return is_lower_alnum(byte) || is_upper(byte);
}
bool is_hex(char byte) {
  return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

bool has_upper(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_upper);
}

// alphanumerics joined by one ".", one or two "_", or any number of "-".
bool is_path_component(std::string_view text) {
  std::size_t at = 0;
  for (;;) {
    const std::size_t begin = at;
    while (at < text.size() && is_lower_alnum(text[at])) ++at;
    if (at == begin) return false;
    if (at == text.size()) return true;
    const std::size_t separator = at;
    while (at < text.size() && text[at] == text[separator]) ++at;
    const std::size_t length = at - separator;
    const char kind = text[separator];
    const bool good = kind == '-' || (kind == '_' && length <= 2) || (kind == '.' && length == 1);
    if (!good) return false;
  }
}

bool is_repository(std::string_view text) {
  for (;;) {
    const std::size_t slash = text.find('/');
    if (!is_path_component(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

bool is_host_name(std::string_view text) {
  for (;;) {
    const std::size_t point = text.find('.');
    const std::string_view label = text.substr(0, point);
    const bool good = !label.empty() && is_alnum(label.front()) && is_alnum(label.back()) &&
                      std::all_of(label.begin(), label.end(),
                                  [](char byte) { return is_alnum(byte) || byte == '-'; });
    if (!good) return false;
    if (point == std::string_view::npos) return true;
    text.remove_prefix(point + 1);
  }
}

bool is_registry(std::string_view text) {
  std::string_view port;
  if (text.starts_with('[')) {  // an IPv6 address
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || close == 1) return false;
    const std::string_view address = text.substr(1, close - 1);
    const bool good = std::all_of(address.begin(), address.end(),
                                  [](char byte) { return is_hex(byte) || byte == ':'; });
    if (!good) return false;
    port = text.substr(close + 1);
    if (port.empty()) return true;
    if (!port.starts_with(':')) return false;
    port.remove_prefix(1);
  } else {
    const std::size_t colon = text.find(':');
    if (!is_host_name(text.substr(0, colon))) return false;
    if (colon == std::string_view::npos) return true;
    port = text.substr(colon + 1);
  }
  return !port.empty() && std::all_of(port.begin(), port.end(), is_digit);
}

bool is_tag(std::string_view text) {
  const auto word = [](char byte) { return is_alnum(byte) || byte == '_'; };
  return !text.empty() && text.size() <= kMaxTagBytes && word(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char byte) { return word(byte) || byte == '.' || byte == '-'; });
}

// The first component is a registry if it could not be the start of a Docker Hub name.
bool looks_like_registry(std::string_view first) {
  return first.find_first_of(".:") != std::string_view::npos || first == "localhost" ||
         has_upper(first);
}

// Cuts "@digest" and ":tag" off the end of rest.
void take_suffixes(std::string_view text, std::string_view& rest, Reference& reference) {
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    try {
      reference.digest = BlobDigest::parse(rest.substr(at + 1));
    } catch (const Error& error) {
      if (error.code() != Errc::invalid) throw;
      refuse(text, error.message());
    }
    rest = rest.substr(0, at);
  }
  const std::size_t colon = rest.rfind(':');
  const std::size_t slash = rest.rfind('/');
  if (colon == std::string_view::npos || (slash != std::string_view::npos && slash > colon)) return;
  const std::string_view tag = rest.substr(colon + 1);
  if (!is_tag(tag)) refuse(text, cat("invalid tag \"", tag, "\""));
  reference.tag = tag;
  rest = rest.substr(0, colon);
}

void check_repository(std::string_view text, std::string_view repository) {
  if (repository.empty()) refuse(text, "repository name must have at least one component");
  if (is_repository(repository)) return;
  if (has_upper(repository))
    refuse(text, cat("repository name (", repository, ") must be lowercase"));
  refuse(text, cat("invalid repository name \"", repository, "\""));
}

}  // namespace

std::string Reference::str() const {
  std::string text = name();
  if (!tag.empty()) text += ":" + tag;
  if (digest) text += "@" + digest->str();
  return text;
}

std::string Reference::familiar() const {
  std::string text = str();
  if (registry != kDockerHub) return text;
  std::string_view shorter = repository;
  if (shorter.starts_with(kOfficialPrefix) &&
      shorter.find('/', kOfficialPrefix.size()) == std::string_view::npos) {
    return text.substr(kDockerHub.size() + 1 + kOfficialPrefix.size());
  }
  // "docker.io/localhost/x" must not become a name on the registry localhost.
  if (looks_like_registry(shorter.substr(0, shorter.find('/')))) return text;
  return text.substr(kDockerHub.size() + 1);
}

Reference parse_reference(std::string_view text) {
  const bool identifier = text.size() == 64 && std::all_of(text.begin(), text.end(), [](char byte) {
                            return is_hex(byte) && !is_upper(byte);
                          });
  if (identifier) refuse(text, "repository name cannot be 64 hexadecimal digits");
  Reference reference;
  std::string_view rest = text;
  reference.registry = kDockerHub;
  const std::size_t slash = rest.find('/');
  if (slash != std::string_view::npos && looks_like_registry(rest.substr(0, slash))) {
    reference.registry = rest.substr(0, slash);
    rest = rest.substr(slash + 1);
    if (!is_registry(reference.registry)) {
      refuse(text, cat("invalid registry name \"", reference.registry, "\""));
    }
    if (reference.registry == "index.docker.io") reference.registry = kDockerHub;
  }
  take_suffixes(text, rest, reference);
  check_repository(text, rest);
  reference.repository = rest;
  if (reference.registry == kDockerHub && rest.find('/') == std::string_view::npos) {
    reference.repository.insert(0, kOfficialPrefix);
  }
  // Of the whole name: what is accepted must be readable in its full spelling, too.
  if (reference.repository.size() > kMaxRepositoryBytes) {
    refuse(text, cat("repository name must not be more than ", kMaxRepositoryBytes, " characters"));
  }
  if (reference.tag.empty() && !reference.digest) reference.tag = "latest";
  return reference;
}

}  // namespace cooper::oci
