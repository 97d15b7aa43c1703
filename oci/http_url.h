// URLs as the HTTP client needs them: where a redirect leads, whether two URLs have one origin, and
// what of a URL may be shown. Malformed or non-http(s) URLs are Error(network): they come from
// servers.
#pragma once

#include <string>
#include <string_view>

namespace cooper::oci {

struct UrlParts {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower-case; IPv6 in brackets
  std::string port;    // explicit or the scheme's default
  friend bool operator==(const UrlParts&, const UrlParts&) = default;
};
UrlParts parse_url(const std::string& url);
// Scheme, host and port agree: the condition for sending credentials along.
bool same_origin(const std::string& left, const std::string& right);

// `location` as seen from `base` (RFC 3986 section 5).
std::string resolve_url(const std::string& base, const std::string& location);
// The same for a redirect; one that leaves https for http is Error(denied).
std::string redirect_target(const std::string& base, const std::string& location);

// Without user information, query and fragment: those may hold secrets.
std::string redacted_url(std::string_view url);
// "localhost:5000": as written in the URL, for messages.
std::string authority_of(std::string_view url);

std::string percent_encode(std::string_view text);  // all but RFC 3986 "unreserved"
// Appends key=value, encoded, after ? or &.
std::string with_query(std::string url, std::string_view key, std::string_view value);

// "localhost", "127.0.0.0/8", "[::1]", each with or without a port.
bool is_loopback(std::string_view authority);

}  // namespace cooper::oci
