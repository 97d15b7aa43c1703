#include "parser/ignore.h"

#include <utility>

#include "base/error.h"
#include "parser/directives.h"
#include "parser/text.h"

namespace cooper::parser {
namespace {

// Lexical cleaning as of a path (IGNORE-03), keeping a leading '/' and "..".
std::string clean(std::string_view pattern) {
  const bool rooted = pattern.starts_with('/');
  std::vector<std::string_view> parts;
  for (const std::string_view part : split(pattern, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (part != ".." || !rooted) {
      parts.push_back(part);
    }
  }
  std::string out = rooted ? "/" : "";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += '/';
    out += parts[i];
  }
  return out.empty() ? "." : out;
}

struct Line {
  std::string pattern;  // empty: a line that says nothing
  bool exception = false;
};

Line read_line(std::string_view text) {
  text = trim(text);
  if (text.empty()) return {};
  const bool exception = text.front() == '!';
  if (exception) text = trim(text.substr(1));
  if (text.empty()) throw Error(Errc::invalid, "illegal exclusion pattern: \"!\"");
  std::string pattern = clean(text);
  if (pattern.size() > 1 && pattern.front() == '/') pattern.erase(0, 1);
  return {std::move(pattern), exception};
}

bool takes_whole_root(std::string_view pattern) {
  return pattern == "*" || pattern == "**" || pattern == "**/*";
}

}  // namespace

IgnorePatterns::IgnorePatterns(const std::vector<std::string>& patterns, std::string file)
    : file_(std::move(file)) {
  CharacterSets sets;
  std::vector<PatternTrie::Pattern> parsed;
  parsed.reserve(patterns.size());
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const Line line = read_line(patterns[i]);
    if (line.pattern.empty()) continue;
    parsed.push_back({parse_glob(line.pattern, Stars::deep, sets), line.exception});
    exception_.push_back(line.exception);
    line_.push_back(i + 1);
    has_exceptions_ = has_exceptions_ || line.exception;
    excludes_everything_ =
        excludes_everything_ || (!line.exception && takes_whole_root(line.pattern));
  }
  trie_ = PatternTrie(parsed, std::move(sets));
}

bool IgnorePatterns::excluded(const TreePath& path) const {
  if (path.is_root()) return false;
  const auto decides = trie_.last_match(path.str());
  return decides > 0 && !exception_[decides - 1];
}

std::string IgnorePatterns::excluded_by(const TreePath& path) const {
  const auto decides = trie_.last_match(path.str());
  return decides == 0 ? "" : cat("line ", line_[decides - 1], " of ", file_);
}

bool IgnorePatterns::may_include_beneath(const TreePath& directory) const {
  return has_exceptions_ && trie_.exception_beneath(directory.str());
}

IgnorePatterns parse_ignore(std::string_view text, std::string file) {
  text = without_bom(text);
  std::vector<std::string> patterns;
  for (const std::string_view line : split(text, '\n')) {
    patterns.emplace_back(line.starts_with('#') ? std::string_view() : line);
  }
  return IgnorePatterns(patterns, std::move(file));
}

}  // namespace cooper::parser
