// One wildcard pattern against one text (syntax: glob_tokens.h). Matching takes time proportional
// to pattern times text, never more: states are tracked as a set, nothing backtracks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parser/glob_tokens.h"

namespace cooper::parser {

// A compiled pattern.
class Glob {
 public:
  Glob() = default;
  // Throws Error(invalid) "syntax error in pattern".
  explicit Glob(std::string_view pattern, Stars stars = Stars::shallow);

  bool matches(std::string_view text) const;

 private:
  using States = std::vector<std::uint8_t>;  // [i]: the first i tokens may have matched

  void close(States& states) const;
  bool step(char32_t character, States& states) const;  // false when no state is left

  CharacterSets sets_;
  std::vector<GlobToken> tokens_;
};

// Does the text hold an unescaped '*', '?' or '['?
bool has_wildcard(std::string_view text);
// The text with escaping backslashes removed, for a pattern without wildcards.
std::string unescape_glob(std::string_view text);

// One-off forms of the above.
bool glob_match(std::string_view pattern, std::string_view name);
bool glob_match_deep(std::string_view pattern, std::string_view path);  // COPY --parents (COPY-31)

}  // namespace cooper::parser
