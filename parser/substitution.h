// Patterns of ${v#p}, ${v%p} and ${v/p/r} (rows EXP-06 ... EXP-08). Time is pattern times value:
// sets of states, no backtracking.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::parser {

enum class Reach { shortest, longest };

class SubstitutionPattern {
 public:
  // '*' and '?' are special; neither matches a newline. Throws DockerfileError "invalid escape"
  // (EXP-08).
  explicit SubstitutionPattern(std::string_view pattern);

  std::string strip_prefix(std::string_view value, Reach reach) const;
  std::string strip_suffix(std::string_view value, Reach reach) const;
  // The leftmost match, as long as possible; all: every further one behind it, too (EXP-07).
  std::string replace(std::string_view value, std::string_view replacement, bool all) const;

 private:
  enum class Kind : std::uint8_t { literal, any, star };
  struct Token {
    Kind kind;
    char32_t character;
  };
  using States = std::vector<std::uint8_t>;  // [i]: the first i tokens may have matched

  static void close(const std::vector<Token>& tokens, States& states);
  static bool step(const std::vector<Token>& tokens, char32_t character, States& states);
  static std::optional<std::size_t> match_length(const std::vector<Token>& tokens,
                                                 std::u32string_view text, Reach reach);
  std::vector<std::uint8_t> match_starts(std::u32string_view text) const;

  std::vector<Token> tokens_;
};

}  // namespace cooper::parser
