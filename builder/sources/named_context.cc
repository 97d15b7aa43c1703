#include "builder/sources/named_context.h"

#include <algorithm>

#include "base/error.h"
#include "builder/sources/git_ref.h"
#include "oci/reference.h"

namespace cooper::builder {
namespace {

constexpr std::string_view kImage = "docker-image://";
constexpr std::string_view kLayout = "oci-layout://";
constexpr std::string_view kStage = "target:";
constexpr std::string_view kLatest = ":latest";
constexpr std::string_view kPlatformMark = "::";

bool is_reserved(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name == "scratch" || name == "context";
}

std::string familiar_name(const std::string& written) {
  std::string name = oci::parse_reference(written).familiar();
  if (name.ends_with(kLatest)) name.resize(name.size() - kLatest.size());
  return name;
}

}  // namespace

std::string context_name(const std::string& written) {
  const std::size_t mark = written.find(kPlatformMark);
  std::string name;
  try {
    name = familiar_name(written.substr(0, mark));
  } catch (const Error& error) {
    throw Error(Errc::invalid, cat("invalid context name ", written, ": ", error.message()));
  }
  if (mark == std::string::npos) return name;
  return name.append(kPlatformMark).append(oci::parse_platform(written.substr(mark + kPlatformMark.size())).str());
}

NamedContext parse_named_context(const std::string& name, const std::string& value) {
  using Kind = NamedContext::Kind;
  if (value.starts_with(kImage)) {
    const std::string reference = value.substr(kImage.size());
    if (reference != "scratch") static_cast<void>(oci::parse_reference(reference));
    return {Kind::image, reference, std::nullopt};
  }
  if (value.starts_with(kLayout)) return {Kind::image, value, std::nullopt};
  if (value.starts_with(kStage)) return {Kind::stage, value.substr(kStage.size()), std::nullopt};
  if (const auto git = parse_git_ref(value)) return {Kind::remote, value, git->source};
  if (value.starts_with("http://") || value.starts_with("https://")) {
    return {Kind::remote, value, HttpSource{value, std::nullopt}};
  }
  if (const std::size_t scheme = value.find("://"); scheme != std::string::npos) {
    throw Error(Errc::invalid, cat("unsupported context source ", value.substr(0, scheme), " for ", name));
  }
  return {Kind::directory, value, std::nullopt};
}

FoundContext find_context(const NamedContexts& contexts, const std::string& word, const oci::Platform& platform) {
  if (contexts.empty() || word.empty() || is_reserved(word)) return {};
  std::string name;
  try {
    name = familiar_name(word);
  } catch (const Error&) {
    return {};  // no name that a context can have
  }
  for (const std::string& key : {cat(name, kPlatformMark, platform.str()), name}) {
    const auto found = contexts.find(key);
    if (found != contexts.end()) return {&found->first, &found->second};
  }
  return {};
}

}  // namespace cooper::builder
