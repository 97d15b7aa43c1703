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
  // A directory that is a mount point or has one beneath it.
  bool concerns(const TreePath& path) const { return is_stub(path) || parents_.contains(path); }

 private:
  std::set<TreePath> paths_;
  std::set<TreePath> parents_;
};

// Whether two directories differ in nothing that a layer could say. Mount points made and removed
// again move the times of what they were in. Attributes count even where the layer will be refused
// them: only what is written is rid of them (strip_xattrs).
bool same_directory(const Entry& a, const Entry& b, const Stubs& stubs);

// Writes the root directory when it differs from that below: its mtime moves with every name made
// in it, and no other builder records it.
void add_changed_root(Entry root, const Tree& below, LayerWriter& writer);

// Feeds what changed to the writer, in order. Of an inode's names every one after the first becomes
// a hard link. A directory that says nothing by itself (equal below, or only a mount point) is
// written once something in it is.
class ChangeWriter {
 public:
  ChangeWriter(const std::string& label, LayerWriter& writer) : label_(label), writer_(writer) {}
  void add(const Entry& entry);
  void add_leaf(UpperEntry& leaf);  // no directory
  void enter_unchanged(const Entry& directory) { pending_.push_back(directory); }
  void leave(const TreePath& directory);  // after what is in it, whether it was unchanged or not

 private:
  struct Inode {
    dev_t device;
    ino_t number;
    friend auto operator<=>(const Inode&, const Inode&) = default;
  };
  void write_pending();
  bool add_as_link(const UpperEntry& leaf);

  const std::string& label_;
  LayerWriter& writer_;
  std::map<Inode, TreePath> first_names_;
  std::vector<Entry> pending_;  // directories on the way to here
};

}  // namespace cooper::layers
