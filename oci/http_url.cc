#include "oci/http_url.h"

#include <algorithm>
#include <cctype>
#include <memory>

#include "base/error.h"
#include "oci/http_curl.h"

namespace cooper::oci {
namespace {

using UrlHandle = std::unique_ptr<CURLU, void (*)(CURLU*)>;

[[noreturn]] void throw_malformed(std::string_view url) {
  throw Error(Errc::network, cat("malformed URL ", redacted_url(url)));
}

UrlHandle open_url(const std::string& url) {
  UrlHandle handle(curl().url(), curl().url_cleanup);
  // An embedded NUL would hide the rest from curl.
  if (!handle || url.find('\0') != std::string::npos ||
      curl().url_set(handle.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) !=
          CURLUE_OK) {
    throw_malformed(url);
  }
  return handle;
}

std::string get_part(CURLU* handle, CURLUPart part, unsigned flags, std::string_view url) {
  char* text = nullptr;
  if (curl().url_get(handle, part, &text, flags) != CURLUE_OK || text == nullptr)
    throw_malformed(url);
  const std::unique_ptr<char, void (*)(void*)> owner(text, curl().free);
  return text;
}

void require_http(CURLU* handle, std::string_view url) {
  const std::string scheme = get_part(handle, CURLUPART_SCHEME, 0, url);
  if (scheme != "http" && scheme != "https") {
    throw Error(Errc::network, cat("not an http or https URL: ", redacted_url(url)));
  }
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

UrlParts parse_url(const std::string& url) {
  const UrlHandle handle = open_url(url);
  require_http(handle.get(), url);
  return {get_part(handle.get(), CURLUPART_SCHEME, 0, url),
          lower(get_part(handle.get(), CURLUPART_HOST, 0, url)),
          get_part(handle.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT, url)};
}

bool same_origin(const std::string& left, const std::string& right) {
  return parse_url(left) == parse_url(right);
}

std::string resolve_url(const std::string& base, const std::string& location) {
  const UrlHandle handle = open_url(base);
  if (location.empty() || location.find('\0') != std::string::npos ||
      curl().url_set(handle.get(), CURLUPART_URL, location.c_str(), CURLU_NON_SUPPORT_SCHEME) !=
          CURLUE_OK) {
    throw_malformed(location);
  }
  require_http(handle.get(), location);
  return get_part(handle.get(), CURLUPART_URL, 0, location);
}

std::string redirect_target(const std::string& base, const std::string& location) {
  std::string target = resolve_url(base, location);
  if (parse_url(base).scheme == "https" && parse_url(target).scheme == "http") {
    // An attacker on the path could otherwise turn one protected answer into an open conversation.
    throw Error(Errc::denied,
                cat(redacted_url(base), " redirects from https to ", redacted_url(target)));
  }
  return target;
}

std::string redacted_url(std::string_view url) {
  const std::size_t query = url.find_first_of("?#");
  std::string text(url.substr(0, query));
  const std::size_t scheme = text.find("://");
  const std::size_t start = scheme == std::string::npos ? 0 : scheme + 3;
  const std::size_t end = std::min(text.find('/', start), text.size());
  const std::size_t at = text.rfind('@', end);
  if (at != std::string::npos && at >= start && at < end) text.erase(start, at + 1 - start);
  return text;
}

std::string authority_of(std::string_view url) {
  std::string text = redacted_url(url);
  const std::size_t scheme = text.find("://");
  if (scheme != std::string::npos) text.erase(0, scheme + 3);
  return text.substr(0, text.find('/'));
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool unreserved = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                            (byte >= '0' && byte <= '9') || c == '-' || c == '.' || c == '_' ||
                            c == '~';
    if (unreserved) {
      out += c;
    } else {
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return out;
}

std::string with_query(std::string url, std::string_view key, std::string_view value) {
  url += url.find('?') == std::string::npos ? '?' : '&';
  return url.append(percent_encode(key)).append("=").append(percent_encode(value));
}

bool is_loopback(std::string_view authority) {
  const bool bracketed = authority.starts_with('[');
  const std::size_t end = bracketed ? authority.find(']') + 1 : authority.find(':');
  const std::string host = lower(std::string(authority.substr(0, end)));
  if (host == "localhost" || host == "[::1]") return true;
  // Digits and dots only: "127.0.0.1.example.org" is somebody else.
  return host.starts_with("127.") && std::count(host.begin(), host.end(), '.') == 3 &&
         host.find_first_not_of("0123456789.") == std::string::npos;
}

}  // namespace cooper::oci
