#include "builder/sources/remote_source.h"

#include <algorithm>

namespace cooper::builder {
namespace {

constexpr std::string_view kMask = "xxxxx";

std::string shown_git(const GitSource& source) {
  std::string text = without_credentials(source.remote);
  if (source.ref.empty() && source.subdir.empty()) return text;
  text += "#" + source.ref;
  if (!source.subdir.empty()) text += ":" + source.subdir;
  return text;
}

}  // namespace

std::string without_credentials(std::string_view url) {
  std::string text(url);
  const std::size_t scheme = text.find("://");
  if (scheme == std::string::npos) return text;
  // "git@" of ssh says nothing secret, and hides nothing either way.
  const bool ssh = text.starts_with("ssh://");
  const std::size_t begin = scheme + 3;
  const std::size_t end = std::min(text.find_first_of("/?#", begin), text.size());
  const std::size_t at = text.rfind('@', end);
  if (at == std::string::npos || at < begin || at >= end) return text;
  const std::size_t colon = text.find(':', begin);
  const bool has_password = colon < at;
  if (ssh && !has_password) return text;
  std::string mask(kMask);
  if (has_password) mask.append(":").append(kMask);
  return text.replace(begin, at - begin, mask);
}

std::string shown(const RemoteSource& source) {
  struct Visitor {
    std::string operator()(const HttpSource& http) const {
      const std::string text = without_credentials(http.url);
      return text.substr(0, text.find_first_of("?#"));  // a signed URL has its secret there
    }
    std::string operator()(const GitSource& git) const { return shown_git(git); }
  };
  return std::visit(Visitor(), source);
}

}  // namespace cooper::builder
