#include "layers/copy_guide.h"

#include <algorithm>

namespace cooper::layers {
namespace {

constexpr std::string_view kDeep = "**";

std::size_t depth(const TreePath& path) {
  const auto slashes = std::count(path.str().begin(), path.str().end(), '/');
  return static_cast<std::size_t>(slashes) + 1;
}

}  // namespace

WalkChoice WildcardGuide::choose(const TreePath& relative, bool is_directory) const {
  const std::size_t level = depth(relative);
  const bool matched = request_.glob(levels_[level - 1], std::string(relative.name()), false);
  const bool last = level == levels_.size();
  return {matched && last, matched && !last && is_directory};
}

ContentGuide::ContentGuide(const CopyRequest& request, TreePath pattern)
    : request_(request),
      everything_(pattern.is_root()),
      wild_(request.has_wildcard && request.has_wildcard(pattern.str())),
      pattern_(std::move(pattern)) {}

WalkChoice ContentGuide::choose(const TreePath& relative, bool is_directory) const {
  WalkChoice choice;
  choice.take = everything_ || matches(relative);
  choice.descend = is_directory && (choice.take || may_match_beneath(relative));
  const PathFilter* exclude = request_.exclude.get();
  if (exclude != nullptr && exclude->excluded(relative, is_directory)) {
    choice.take = false;
    choice.descend = choice.descend && !exclude->prunable(relative);
  }
  return choice;
}

// The path itself or a directory above it, as in an ignore file.
bool ContentGuide::matches(const TreePath& relative) const {
  if (!wild_) return pattern_.contains(relative);
  for (TreePath path = relative; !path.is_root(); path = path.parent()) {
    if (request_.glob(pattern_.str(), path.str(), true)) return true;
  }
  return false;
}

// Keeps the walk out of directories where nothing can match (CTX-04): level by level, up to the
// first "**".
bool ContentGuide::may_match_beneath(const TreePath& relative) const {
  const auto levels = pattern_.components();
  const auto names = relative.components();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i >= levels.size()) return false;
    if (levels[i].find(kDeep) != std::string_view::npos) return true;
    const std::string level(levels[i]);
    const std::string name(names[i]);
    if (wild_ ? !request_.glob(level, name, false) : level != name) return false;
  }
  return names.size() < levels.size();
}

}  // namespace cooper::layers
