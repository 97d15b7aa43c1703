// ASCII text helpers. Locale-free on purpose: output depends only on input.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::parser {

// Separates words within a line.
constexpr bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}
constexpr bool is_space(char c) noexcept {
  return is_blank(c) || c == '\n';
}
constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);
std::string_view trim(std::string_view text);
std::string_view trim_left(std::string_view text);
// Words between runs of blanks; no empty ones.
std::vector<std::string> split_blanks(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);

struct Cut {
  std::string_view before;
  std::string_view after;
  bool found = false;
};
// At the first separator; everything is `before` if there is none.
Cut cut(std::string_view text, char separator);

// In double quotes, with \" \\ \n \r \t and \xNN for other control bytes.
std::string quoted(std::string_view text);

// The spellings Go's strconv.ParseBool takes: 1 t T TRUE true True 0 f F FALSE false False.
std::optional<bool> to_bool(std::string_view text);
// Decimal with or without one sign; nullopt for anything else.
std::optional<std::int64_t> to_integer(std::string_view text);
// Digits only, no sign; nullopt above limit.
std::optional<unsigned long> to_number(std::string_view text, int base, unsigned long limit);

}  // namespace cooper::parser
