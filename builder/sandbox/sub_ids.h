// The ranges of subordinate ids a user was given: /etc/subuid and /etc/subgid, subuid(5).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::builder {

struct SubIds {
  std::uint32_t start = 0;
  std::uint32_t count = 0;
  friend bool operator==(const SubIds&, const SubIds&) = default;
};

// All ranges that text gives to the user, by name or by number, in its order. Malformed lines and
// empty ranges are passed over, as newuidmap(1) does; name may be empty (no passwd entry).
std::vector<SubIds> parse_sub_ids(std::string_view text, std::string_view name, std::uint32_t id);

}  // namespace cooper::builder
