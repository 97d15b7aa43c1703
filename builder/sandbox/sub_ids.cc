#include "builder/sandbox/sub_ids.h"

#include <charconv>
#include <limits>
#include <optional>

namespace cooper::builder {
namespace {

std::optional<std::uint32_t> parse_number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view take_field(std::string_view& line) {
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  line.remove_prefix(colon == std::string_view::npos ? line.size() : colon + 1);
  return field;
}

}  // namespace

std::vector<SubIds> parse_sub_ids(std::string_view text, std::string_view name, std::uint32_t id) {
  std::vector<SubIds> ranges;
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    std::string_view line = text.substr(0, newline);
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    const std::string_view owner = take_field(line);
    const auto start = parse_number(take_field(line));
    const auto count = parse_number(take_field(line));
    const bool ours = (!name.empty() && owner == name) || parse_number(owner) == id;
    if (!ours || !line.empty() || !start || !count || *count == 0) continue;
    if (*count > std::numeric_limits<std::uint32_t>::max() - *start) continue;
    ranges.push_back({*start, *count});
  }
  return ranges;
}

}  // namespace cooper::builder
