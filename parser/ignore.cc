#include "parser/ignore.h"

#include <algorithm>

#include "base/error.h"
#include "parser/directives.h"
#include "parser/text.h"

namespace cooper::parser {
namespace {

constexpr std::string_view kAnyDepth = "**/";

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

bool is_literal(std::string_view pattern) {
  return pattern.find_first_of("*?[\\") == std::string_view::npos;
}

// Calls take(prefix, component) for each directory on the way to path and path itself.
template <class Take>
void each_prefix(std::string_view path, Take take) {
  std::size_t begin = 0;
  while (true) {
    const std::size_t slash = path.find('/', begin);
    take(path.substr(0, slash),
         path.substr(begin, slash == std::string_view::npos ? slash : slash - begin));
    if (slash == std::string_view::npos) return;
    begin = slash + 1;
  }
}

}  // namespace

IgnorePatterns::IgnorePatterns(const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns) add(pattern);
}

void IgnorePatterns::add(std::string_view line) {
  line = trim(line);
  if (line.empty()) return;
  const bool exception = line.front() == '!';
  if (exception) line = trim(line.substr(1));
  if (line.empty()) throw Error(Errc::invalid, "illegal exclusion pattern: \"!\"");
  std::string pattern = clean(line);
  if (pattern.size() > 1 && pattern.front() == '/') pattern.erase(0, 1);
  const std::size_t index = count_++;
  exception_.push_back(exception);
  has_exceptions_ = has_exceptions_ || exception;
  excludes_everything_ =
      excludes_everything_ || (!exception && (pattern == "*" || pattern == "**" || pattern == "**/*"));
  const std::string_view view = pattern;
  const std::string_view name = view.substr(std::min(view.size(), kAnyDepth.size()));
  if (is_literal(pattern)) {
    if (exception) literal_exceptions_[pattern] = index + 1;
    literal_[std::move(pattern)] = index + 1;
  } else if (view.starts_with(kAnyDepth) && is_literal(name) &&
             name.find('/') == std::string_view::npos) {
    any_depth_[std::string(name)] = index + 1;
    if (exception) last_any_depth_exception_ = index + 1;
  } else {
    globs_.push_back({Glob(pattern, Glob::Stars::deep), index, exception});
  }
}

std::size_t IgnorePatterns::deciding(std::string_view path) const {
  std::size_t best = 0;
  const auto look = [&best](const auto& table, std::string_view key) {
    const auto found = table.find(key);
    if (found != table.end()) best = std::max(best, found->second);
  };
  each_prefix(path, [&](std::string_view prefix, std::string_view component) {
    look(literal_, prefix);
    look(any_depth_, component);
  });
  for (auto rule = globs_.rbegin(); rule != globs_.rend() && rule->index + 1 > best; ++rule) {
    if (rule->glob.matches_path_or_parent(path)) best = rule->index + 1;
  }
  return best;
}

bool IgnorePatterns::excluded(const TreePath& path) const {
  if (path.is_root() || count_ == 0) return false;
  const std::size_t index = deciding(path.str());
  return index > 0 && !exception_[index - 1];
}

bool IgnorePatterns::may_include_beneath(const TreePath& directory) const {
  if (!has_exceptions_) return false;
  const std::size_t index = directory.is_root() ? 0 : deciding(directory.str());
  if (last_any_depth_exception_ > index) return true;
  const std::string prefix = directory.is_root() ? "" : directory.str() + "/";
  for (auto found = literal_exceptions_.lower_bound(prefix);
       found != literal_exceptions_.end() && found->first.starts_with(prefix); ++found) {
    if (found->second > index) return true;
  }
  return std::any_of(globs_.rbegin(), globs_.rend(), [&](const Rule& rule) {
    return rule.exception && rule.index + 1 > index && rule.glob.may_match_beneath(directory.str());
  });
}

IgnorePatterns parse_ignore(std::string_view text) {
  text = without_bom(text);
  std::vector<std::string> patterns;
  for (const std::string_view line : split(text, '\n')) {
    if (!line.starts_with('#')) patterns.emplace_back(line);
  }
  return IgnorePatterns(patterns);
}

}  // namespace cooper::parser
