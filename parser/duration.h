// Durations as Go writes them: "1h30m", "1.5s", "-2ms", "0".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace cooper::parser {

// In nanoseconds; nullopt if malformed or out of range.
std::optional<std::int64_t> parse_duration(std::string_view text);

}  // namespace cooper::parser
