// The syntax of wildcards: a pattern taken apart into tokens, for whoever matches them (glob.h one
// pattern, pattern_trie.h many). As Go's path.Match (COPY-10): '*' and '?' stop at '/', [a-z],
// [^x], backslash escapes; with Stars::deep, "**" spans any number of directories (IGNORE-07). '?'
// and sets take one UTF-8 code point.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

namespace cooper::parser {

enum class Stars : std::uint8_t { shallow, deep };

enum class GlobKind : std::uint8_t {
  literal,
  any,        // '?'
  set,        // [...]
  star,       // '*'
  deep_star,  // "**": anything, '/' too
  deep_open,  // "**/": nothing, or what deep_body takes; consumes nothing itself
  deep_body,  // anything that ends in '/'; always behind deep_open
};

struct GlobToken {
  GlobKind kind = GlobKind::literal;
  char32_t value = 0;  // literal: the character; set: its number in CharacterSets
  friend auto operator<=>(const GlobToken&, const GlobToken&) = default;
};

struct CharacterSet {
  bool negated = false;
  std::vector<std::pair<char32_t, char32_t>> ranges;
  friend auto operator<=>(const CharacterSet&, const CharacterSet&) = default;
};

// Numbers sets, equal ones the same. Belongs to whoever keeps the tokens.
class CharacterSets {
 public:
  char32_t add(CharacterSet set);
  bool contains(char32_t number, char32_t character) const;

 private:
  std::vector<CharacterSet> sets_;
  std::map<CharacterSet, char32_t> numbers_;
};

// Throws Error(invalid) "syntax error in pattern".
std::vector<GlobToken> parse_glob(std::string_view pattern, Stars stars, CharacterSets& sets);

// May the character be taken by this token?
bool accepts(const GlobToken& token, char32_t character, const CharacterSets& sets);

}  // namespace cooper::parser
