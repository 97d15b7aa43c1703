// Patterns of ${v#p}, ${v%p} and ${v/p/r} (rows EXP-06 ... EXP-08). Time is pattern times value,
// over 64: sets of states as bits, no backtracking.
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
  // nullopt if that takes more than max_bytes.
  std::optional<std::string> replace(std::string_view value, std::string_view replacement, bool all,
                                     std::size_t max_bytes) const;

 private:
  enum class Kind : std::uint8_t { literal, any, star };
  struct Token {
    Kind kind;
    char32_t character;
  };
  class Automaton;

  static std::optional<std::size_t> match_length(Automaton& automaton, std::u32string_view text,
                                                 Reach reach);
  std::vector<std::uint8_t> match_starts(std::u32string_view text) const;

  std::vector<Token> tokens_;
};

}  // namespace cooper::parser
