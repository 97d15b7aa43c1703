// The walk of trees that have no quicker way than children().
#include "layers/walk.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "layers/tree.h"

namespace cooper::layers {
namespace {

class ChildrenWalk {
 public:
  ChildrenWalk(const Tree& tree, const TreePath& top, const WalkGuide& guide)
      : tree_(tree), top_(top), guide_(guide) {}

  Walked run() && {
    descend(top_);
    regroup_links();
    return std::move(walked_);
  }

 private:
  void descend(const TreePath& directory) {
    for (Entry& child : tree_.children(directory)) {
      const TreePath path = child.path;
      const bool is_directory = child.type == EntryType::directory;
      child.path = top_.relative(path);
      const WalkChoice choice = guide_.choose(child.path, is_directory);
      if (!is_directory) {
        if (choice.take) walked_.entries.push_back(std::move(child));
        continue;
      }
      if (!choice.take && !choice.descend) continue;
      const std::size_t index = walked_.entries.size();
      walked_.entries.push_back(std::move(child));
      if (!choice.take) walked_.implied.push_back(index);
      if (choice.descend) descend(path);
      if (!choice.take && walked_.entries.size() == index + 1) {
        walked_.entries.pop_back();
        walked_.implied.pop_back();
      }
    }
  }

  // The tree names leaders that the walk may have left out: the first name taken leads instead.
  void regroup_links() {
    std::unordered_set<std::string> leaders;
    for (const Entry& entry : walked_.entries) {
      if (is_follower(entry)) leaders.insert(entry.link_target);
    }
    if (leaders.empty()) return;
    std::unordered_map<std::string, std::string> first;  // leader in the tree -> first name here
    for (Entry& entry : walked_.entries) {
      if (entry.type != EntryType::file) continue;
      const bool follows = is_follower(entry);
      const std::string leader = follows ? entry.link_target : (top_ / entry.path).str();
      if (!follows && !leaders.contains(leader)) continue;
      const auto [found, is_first] = first.try_emplace(leader, entry.path.str());
      entry.link_target = is_first ? std::string() : found->second;
    }
  }

  static bool is_follower(const Entry& entry) {
    return entry.type == EntryType::file && !entry.link_target.empty();
  }

  const Tree& tree_;
  const TreePath& top_;
  const WalkGuide& guide_;
  Walked walked_;
};

}  // namespace

const Entry* Walked::find(const TreePath& path) const {
  const auto entry = std::lower_bound(entries.begin(), entries.end(), path,
                                      [](const Entry& a, const TreePath& b) { return a.path < b; });
  return entry != entries.end() && entry->path == path ? &*entry : nullptr;
}

Walked Tree::walk(const TreePath& directory, const WalkGuide& guide) const {
  return ChildrenWalk(*this, directory, guide).run();
}

}  // namespace cooper::layers
