// Wildcards. Matching takes time proportional to pattern times text, never more: states are tracked
// as a set, nothing backtracks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cooper::parser {

// A compiled pattern. Syntax as Go's path.Match (COPY-10): '*' and '?' stop at '/', [a-z], [^x],
// backslash escapes; with `deep`, "**" spans any number of directories (IGNORE-07). '?' and classes
// take one UTF-8 code point.
class Glob {
 public:
  enum class Stars { shallow, deep };
  Glob() = default;
  // Throws Error(invalid) "syntax error in pattern".
  explicit Glob(std::string_view pattern, Stars stars = Stars::shallow);

  bool matches(std::string_view text) const;
  // text itself or a parent directory of it.
  bool matches_path_or_parent(std::string_view text) const;
  // Could some path that starts with `directory` and a '/' match? ("" : any path at all.)
  bool may_match_beneath(std::string_view directory) const;

 private:
  enum class Kind : std::uint8_t {
    literal,
    any,        // '?'
    star,       // '*'
    set,        // [...]
    deep_star,  // "**": anything, '/' too
    deep_open,  // "**/": nothing, or what deep_body takes; consumes nothing itself
    deep_body,  // anything that ends in '/'
  };
  struct Token {
    Kind kind = Kind::literal;
    bool negated = false;
    char32_t character = 0;                             // literal
    std::vector<std::pair<char32_t, char32_t>> ranges;  // set
  };
  using States = std::vector<std::uint8_t>;  // [i]: the first i tokens may have matched

  void add_stars(std::u32string_view pattern, std::size_t& at);
  void add_set(std::u32string_view pattern, std::size_t& at);
  static bool accepts(const Token& token, char32_t character);
  States start() const;
  void close(States& states) const;
  bool step(char32_t character, States& states) const;  // false when no state is left

  std::vector<Token> tokens_;
};

// Does the text hold an unescaped '*', '?' or '['?
bool has_wildcard(std::string_view text);
// The text with escaping backslashes removed, for a pattern without wildcards.
std::string unescape_glob(std::string_view text);

// One-off forms of the above.
bool glob_match(std::string_view pattern, std::string_view name);
bool glob_match_deep(std::string_view pattern, std::string_view path);  // COPY --parents (COPY-31)

}  // namespace cooper::parser
