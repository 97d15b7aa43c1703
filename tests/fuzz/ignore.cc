// An ignore file and paths held against it: patterns up to the first NUL, behind it one path a
// line.
#include "parser/ignore.h"

#include <set>
#include <string>
#include <vector>

#include "parser/text.h"
#include "tests/fuzz/check.h"

namespace cooper::parser {
namespace {

using fuzz::attempt;
using fuzz::require;
using Lines = std::vector<std::string>;

constexpr std::size_t kMostLines = 64;  // every path is held against every pattern alone

Lines lines_of(std::string_view text) {
  Lines lines;
  for (const std::string_view line : split(text, '\n')) {
    if (!line.starts_with('#')) lines.emplace_back(line);
  }
  return lines;
}

// One pattern alone, asked for what it matches, whichever way it decides.
class Pattern {
 public:
  explicit Pattern(const std::string& line)
      : exception_(trim(line).starts_with('!')),
        patterns_(exception_ ? Lines{"**", line} : Lines{line}) {}
  bool exception() const { return exception_; }
  bool matches(const TreePath& path) const { return patterns_.excluded(path) != exception_; }

 private:
  bool exception_;
  IgnorePatterns patterns_;
};

// The last one that matches decides.
bool excluded_one_by_one(const std::vector<Pattern>& patterns, const TreePath& path) {
  for (auto pattern = patterns.rbegin(); pattern != patterns.rend(); ++pattern) {
    if (pattern->matches(path)) return !pattern->exception();
  }
  return false;
}

// A directory that is left out whole hides nothing that asked one by one would be there.
void check_walk(const IgnorePatterns& patterns, const TreePath& path) {
  for (TreePath directory = path.parent(); !directory.is_root(); directory = directory.parent()) {
    if (!patterns.excluded(directory) || patterns.may_include_beneath(directory)) continue;
    require(patterns.excluded(path), "a directory is skipped only if all beneath it is excluded");
  }
}

void check_paths(const IgnorePatterns& patterns, const Lines& lines, std::string_view paths) {
  std::vector<Pattern> alone;
  if (lines.size() <= kMostLines) alone = std::vector<Pattern>(lines.begin(), lines.end());
  require(!patterns.excluded(TreePath()), "the root is never excluded");
  std::size_t left = kMostLines;
  while (!paths.empty() && left-- > 0) {
    const TreePath path = TreePath::clean(fuzz::take_until(paths, '\n'));
    if (path.is_root()) continue;
    if (!alone.empty()) {
      require(patterns.excluded(path) == excluded_one_by_one(alone, path),
              "all patterns answer as each one alone");
    }
    check_walk(patterns, path);
  }
}

}  // namespace
}  // namespace cooper::parser

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cooper::parser;
  std::string_view text = cooper::fuzz::text_of(data, size);
  const std::string_view file = cooper::fuzz::take_until(text, '\0');
  if (text.find('\0') != std::string_view::npos) return 0;  // no path holds one
  const auto patterns =
      cooper::fuzz::attempt({cooper::Errc::invalid}, [&] { return parse_ignore(file); });
  if (!patterns) return 0;
  if (file.starts_with("\xEF")) return 0;  // a mark that only the file's reader takes off
  check_paths(*patterns, lines_of(file), text);
  return 0;
}
