// Ignore files and --exclude (rows IGNORE-03 ... IGNORE-08, COPY-33 ... COPY-35).
//
// The last pattern that matches a path or one of its parents decides. A path is read once, however
// many patterns there are; what a character costs at worst is told in pattern_trie.h. Immutable
// after construction, so safe to share between threads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/tree_path.h"
#include "parser/pattern_trie.h"

namespace cooper::parser {

class IgnorePatterns {
 public:
  IgnorePatterns() = default;
  // One pattern per element, as for --exclude. `file`: they are its lines, for messages. Throws
  // Error(invalid): bad pattern, lone '!'.
  explicit IgnorePatterns(const std::vector<std::string>& patterns, std::string file = {});

  bool empty() const noexcept { return exception_.empty(); }
  bool has_exceptions() const noexcept { return has_exceptions_; }
  // A pattern "*", "**" or "**/*": nothing of the root is left.
  bool excludes_everything() const noexcept { return excludes_everything_; }

  // False for the root of the tree, always.
  bool excluded(const TreePath& path) const;
  // Where that is written, of an excluded path: "line 3 of .dockerignore".
  std::string excluded_by(const TreePath& path) const;
  // For an excluded directory: may something beneath be re-included? If not, a walk skips it whole.
  bool may_include_beneath(const TreePath& directory) const;

 private:
  bool has_exceptions_ = false;
  bool excludes_everything_ = false;
  std::vector<bool> exception_;    // by pattern
  std::vector<std::size_t> line_;  // by pattern, from 1
  std::string file_;
  PatternTrie trie_;
};

// The text of an ignore file (IGNORE-03), and its name for messages.
IgnorePatterns parse_ignore(std::string_view text, std::string file = {});

}  // namespace cooper::parser
