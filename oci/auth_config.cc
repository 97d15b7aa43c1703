#include "oci/auth_config.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace cooper::oci {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

[[noreturn]] void refuse(const std::string& name, std::string_view member,
                         std::string_view reason) {
  throw Error(Errc::invalid, cat(name, ": ", member, ": ", reason));
}

std::string string_member(const Json& object, const char* key, const std::string& name,
                          const std::string& member) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return {};
  if (!found->is_string()) refuse(name, cat(member, ".", key), "must be a string");
  return found->get<std::string>();
}

const Json* object_member(const Json& object, const char* key, const std::string& name) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return nullptr;
  if (!found->is_object()) refuse(name, key, "must be an object");
  return &*found;
}

// "auth" is base64 of user:password; the password may hold colons.
void decode_auth(const std::string& text, Credentials& into, const std::string& name,
                 const std::string& member) {
  std::optional<std::string> plain = decode_base64(text);
  if (!plain) refuse(name, cat(member, ".auth"), "is not base64");
  const std::size_t colon = plain->find(':');
  if (colon == std::string::npos) refuse(name, cat(member, ".auth"), "holds no user:password");
  into.username = plain->substr(0, colon);
  into.password = plain->substr(colon + 1);
  into.password.erase(into.password.find_last_not_of('\0') +
                      1);  // Docker for Windows pads with NUL
}

Credentials parse_entry(const Json& entry, const std::string& name, const std::string& member) {
  if (!entry.is_object()) refuse(name, member, "must be an object");
  Credentials credentials{string_member(entry, "username", name, member),
                          string_member(entry, "password", name, member),
                          string_member(entry, "identitytoken", name, member)};
  const std::string auth = string_member(entry, "auth", name, member);
  if (!auth.empty()) decode_auth(auth, credentials, name, member);
  return credentials;
}

// The key itself, then each ancestor: "quay.io/team/app", "quay.io/team", "quay.io".
template <class Value>
const Value* find_longest(const std::map<std::string, Value>& entries, std::string key) {
  for (;;) {
    const auto found = entries.find(key);
    if (found != entries.end()) return &found->second;
    const std::size_t slash = key.rfind('/');
    if (slash == std::string::npos) return nullptr;
    key.erase(slash);
  }
}

}  // namespace

std::string normalize_registry_key(std::string_view key) {
  std::string_view rest = key;
  bool had_scheme = false;
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (rest.starts_with(scheme)) {
      rest.remove_prefix(scheme.size());
      had_scheme = true;
      break;
    }
  }
  while (rest.ends_with('/')) rest.remove_suffix(1);
  // With a scheme it was an API address: only the host matters. Without one, a path is a namespace.
  std::string text(had_scheme ? rest.substr(0, rest.find('/')) : rest);
  // The API's path right behind the host; further down it is somebody's namespace.
  const std::size_t slash = text.find('/');
  if (slash != std::string::npos && (text.substr(slash) == "/v1" || text.substr(slash) == "/v2"))
    text.resize(slash);
  for (const std::string_view alias : {"index.docker.io", "registry-1.docker.io"}) {
    if (text == alias || text.starts_with(std::string(alias) + "/")) {
      return text.replace(0, alias.size(), "docker.io");
    }
  }
  return text;
}

CredentialTable parse_docker_config(std::string_view json, const std::string& name) {
  // Neither the parser's message nor its excerpt may be shown: the file holds secrets.
  const Json root = Json::parse(json, nullptr, false);
  if (root.is_discarded()) throw Error(Errc::invalid, cat(name, " is not JSON"));
  if (!root.is_object()) throw Error(Errc::invalid, cat(name, " is not a JSON object"));
  CredentialTable table;
  if (const Json* auths = object_member(root, "auths", name)) {
    for (const auto& [key, entry] : auths->items()) {
      Credentials credentials = parse_entry(entry, name, cat("auths[", key, "]"));
      // An empty entry only says that a helper has it.
      if (credentials.username.empty() && credentials.identity_token.empty()) continue;
      table.entries.insert_or_assign(normalize_registry_key(key), std::move(credentials));
    }
  }
  if (const Json* helpers = object_member(root, "credHelpers", name)) {
    for (const auto& [key, helper] : helpers->items()) {
      if (!helper.is_string()) refuse(name, cat("credHelpers[", key, "]"), "must be a string");
      table.helpers.insert_or_assign(normalize_registry_key(key), helper.get<std::string>());
    }
  }
  table.default_helper = string_member(root, "credsStore", name, "config");
  return table;
}

std::optional<Credentials> credentials_for(const CredentialTable& table, const std::string& host) {
  const Credentials* found = find_longest(table.entries, normalize_registry_key(host));
  if (found == nullptr) return std::nullopt;
  return *found;
}

std::optional<std::string> helper_for(const CredentialTable& table, const std::string& host) {
  const std::string* found = find_longest(table.helpers, normalize_registry_key(host));
  if (found != nullptr && !found->empty()) return *found;
  if (!table.default_helper.empty()) return table.default_helper;
  return std::nullopt;
}

std::optional<std::string> decode_base64(std::string_view text) {
  const std::size_t padding = text.size() - (text.find_last_not_of('=') + 1);
  if (padding > 2 || (padding > 0 && text.size() % 4 != 0)) return std::nullopt;
  text.remove_suffix(padding);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t value = kBase64.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6 | static_cast<unsigned>(value)) & 0xffffff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xff);
    }
  }
  return out;
}

std::string encode_base64(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += 3) {
    const std::string_view group = text.substr(at, 3);
    unsigned bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < group.size() ? static_cast<unsigned char>(group[i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += i <= group.size() ? kBase64[bits >> (18 - 6 * i) & 63] : '=';
    }
  }
  return out;
}

}  // namespace cooper::oci
