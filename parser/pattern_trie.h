// All patterns of an ignore file as one machine: a path is read once, however many there are.
//
// Patterns that begin alike share their states: 1,000 times "**/x*" are one "**/" with a tree of
// names below it. A state is what has been read of some pattern. A set of states is carried along
// the path, and a character costs as much as there are in it, which is one or two in most files;
// those that lead to no later pattern than one that has matched already leave it. The worst, stars
// with nothing in common that a path meets all, is patterns times path. Memory is that of the
// patterns: nothing backtracks, and nothing is built while matching.
//
// Immutable after construction, so safe to share between threads. Patterns are numbered from 1 in
// the order given, so that 0 is none; where several match, the last counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "parser/glob_tokens.h"

namespace cooper::parser {

class PatternTrie {
 public:
  using Number = std::uint32_t;
  struct Pattern {
    std::vector<GlobToken> tokens;
    bool exception = false;
  };

  PatternTrie() = default;
  // sets: those that the tokens speak of.
  PatternTrie(const std::vector<Pattern>& patterns, CharacterSets sets);

  // The last pattern that matches the path or a directory above it.
  Number last_match(std::string_view path) const;
  // Could an exception match something beneath the directory ("": the root), and no pattern behind
  // it match the directory?
  bool exception_beneath(std::string_view directory) const;

 private:
  class Builder;
  class Run;
  using StateId = std::uint32_t;

  struct Edge {
    GlobToken token;
    StateId target;
  };
  struct State {
    std::uint32_t literals = 0;            // its edges: sorted literals begin here in edges_,
    std::uint32_t others = 0;              // the rest here, and end where the next state's begin
    GlobKind entered = GlobKind::literal;  // the token before it: says what it stays on
    Number accepts = 0;                    // the last pattern that ends here
    Number last_beyond = 0;                // the last pattern that ends here or further on
    Number exception_beyond = 0;           // the last exception that takes one more character
    std::uint32_t meeting = 0;  // from 1, for states that one step may enter twice; else 0
  };

  std::vector<State> states_;  // parents before children; the last only ends the edges
  std::vector<Edge> edges_;
  std::uint32_t meetings_ = 0;
  CharacterSets sets_;
};

}  // namespace cooper::parser
