// What both ways of finding a step's changes share (diff.cc, whole_copy_diff.cc). Private to the
// folder.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "layers/diff.h"
#include "layers/diff_walk.h"

namespace cooper::layers {

// The mount points of one step, and the directories on the way to them.
class Stubs {
 public:
  explicit Stubs(const std::vector<TreePath>& paths);
  bool is_stub(const TreePath& path) const { return paths_.contains(path); }
  // A file that was made to mount something on, still empty; precondition: nothing of that name
  // lies below.
  bool is_empty_file(const Entry& entry) const {
    return entry.type == EntryType::file && entry.size_bytes == 0 && is_stub(entry.path);
  }
  bool leads_to_stub(const TreePath& path) const { return parents_.contains(path); }

 private:
  std::set<TreePath> paths_;
  std::set<TreePath> parents_;
};

// Whether a layer would say the same of both but for their times.
bool same_but_time(const Entry& a, const Entry& b, bool keep_xattrs);

// Writes the root directory when it differs from that below: its mtime moves with every name made
// in it, and no other builder records it.
void add_changed_root(Entry root, const Tree& below, bool keep_xattrs, LayerWriter& writer);

// Feeds entries that are no directories to the writer; every name of an inode after its first
// becomes a hard link.
class LeafWriter {
 public:
  LeafWriter(const std::string& label, LayerWriter& writer) : label_(label), writer_(writer) {}
  void add(UpperEntry& leaf);

 private:
  struct Inode {
    dev_t device;
    ino_t number;
    friend auto operator<=>(const Inode&, const Inode&) = default;
  };
  bool add_as_link(const UpperEntry& leaf);

  const std::string& label_;
  LayerWriter& writer_;
  std::map<Inode, TreePath> first_names_;
};

}  // namespace cooper::layers
