// Ignore files and --exclude (rows IGNORE-03 ... IGNORE-08, COPY-33 ... COPY-35).
//
// The last pattern that matches a path or one of its parents decides. Matching is linear in the
// path for each pattern; patterns without wildcards, and **/name, cost one hash look-up per path
// component however many there are. Immutable after construction, so safe to share between threads.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/tree_path.h"
#include "parser/glob.h"

namespace cooper::parser {

class IgnorePatterns {
 public:
  IgnorePatterns() = default;
  // One pattern per element, as for --exclude. Throws Error(invalid): bad pattern, lone '!'.
  explicit IgnorePatterns(const std::vector<std::string>& patterns);

  bool empty() const noexcept { return count_ == 0; }
  bool has_exceptions() const noexcept { return has_exceptions_; }
  // A pattern "*", "**" or "**/*": nothing of the root is left.
  bool excludes_everything() const noexcept { return excludes_everything_; }

  // False for the root of the tree, always.
  bool excluded(const TreePath& path) const;
  // For an excluded directory: may something beneath be re-included? If not, a walk skips it whole.
  bool may_include_beneath(const TreePath& directory) const;

 private:
  struct Rule {
    Glob glob;
    std::size_t index;
    bool exception;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>()(text);
    }
  };
  using Table = std::unordered_map<std::string, std::size_t, TextHash, std::equal_to<>>;

  void add(std::string_view line);
  // 1 + index of the pattern that decides; 0 if none matches.
  std::size_t deciding(std::string_view path) const;

  std::size_t count_ = 0;
  bool has_exceptions_ = false;
  bool excludes_everything_ = false;
  std::vector<bool> exception_;               // by index
  Table literal_;                             // whole path -> 1 + last index
  Table any_depth_;                           // **/name -> 1 + last index
  std::size_t last_any_depth_exception_ = 0;  // 1 + index
  std::map<std::string, std::size_t>
      literal_exceptions_;   // sorted, to find those beneath a directory
  std::vector<Rule> globs_;  // the rest, in order
};

// The text of an ignore file (IGNORE-03).
IgnorePatterns parse_ignore(std::string_view text);

}  // namespace cooper::parser
