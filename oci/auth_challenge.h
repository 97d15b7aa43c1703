// What a 401 answer asks for (RFC 9110 section 11.6.1, WWW-Authenticate).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::oci {

struct Challenge {
  std::string scheme;                             // lower case: "bearer", "basic"
  std::map<std::string, std::string> parameters;  // names in lower case
  friend bool operator==(const Challenge&, const Challenge&) = default;
};

// All challenges of one header value, in order. Reading stops at the first malformed one, which is
// left out: a half-understood challenge must not choose where credentials go.
std::vector<Challenge> parse_challenges(std::string_view header);

}  // namespace cooper::oci
