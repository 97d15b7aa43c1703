// The rows a layer tar makes, member by member: what lands where, what replaces what. Private to
// the folder.
//
// With a tree below, members whose parent is a symlink there land where it leads (an image with a
// merged /usr has layers that still say lib/x), and directories the layer does not list get rows of
// their own. Without one (a table alone) such rows are left as written, and settle() does it later,
// in the order of the tar where a parent or the first name of a hard link did not come first: what
// a row meant may depend on what lay below when its member came.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "layers/table.h"
#include "layers/tar_reader.h"
#include "layers/tree.h"

namespace cooper::layers {

// What is done to a directory on the way. Paths are settled; parents exist as directories.
class RowActions {
 public:
  virtual ~RowActions() = default;
  virtual void make_directory(const TreePath& path) = 0;
  virtual void remove(const TreePath& path) = 0;  // and everything beneath
  // Makes anything but directories and hard links. For a file: reads content, gives its digest.
  virtual std::optional<oci::ContentDigest> make(const Entry& entry, ByteSource* content) = 0;
  // first: what was made under its path.
  virtual void make_link(const Entry& first, const TreePath& path) = 0;
};

// For tables alone: nothing happens anywhere, and what is known of files stays.
class NoActions : public RowActions {
 public:
  void make_directory(const TreePath&) override {}
  void remove(const TreePath&) override {}
  std::optional<oci::ContentDigest> make(const Entry& entry, ByteSource*) override {
    return entry.content;
  }
  void make_link(const Entry&, const TreePath&) override {}
};

class ApplyRows {
 public:
  // below may be null (see above). name names the layer in errors.
  ApplyRows(const Tree* below, RowActions& actions, std::string name);

  // The next member in tar order; content is read when it is a file.
  void add(const TarMember& member, ByteSource& content);
  // All rows, the root's included when there is a tree below. Last call.
  Table finish() &&;

 private:
  static constexpr std::size_t kNoGroup = static_cast<std::size_t>(-1);
  struct Row {
    Entry entry;
    std::size_t group = kNoGroup;
    std::uint32_t place = 0;  // of the member that made it
  };
  // Names of one inode. The first name keeps the metadata; when it is replaced another takes its
  // place.
  struct Group {
    TreePath first;
    std::deque<TreePath> others;  // in the order of their members
  };
  using Rows = std::map<TreePath, Row>;

  TreePath settle(const TreePath& path, bool create);
  TreePath settle_parent(const TreePath& parent, bool create);
  std::optional<TreePath> enter(const TreePath& next, bool create);
  bool hidden_below(const TreePath& path) const;
  Entry implied(const TreePath& path) const;
  void insert_directory(Entry entry);

  void add_whiteout(const TreePath& path);
  void put_whiteout(const TreePath& path);
  void add_directory(Entry entry, bool marker);
  void add_hard_link(Entry entry);
  void link_to_row(Entry entry, Rows::iterator target);
  void copy_from_below(const Entry& entry, const TreePath& target);
  void add_other(Entry entry, ByteSource& content);
  void clear(const TreePath& path);
  void finish_root();
  void make_whiteouts();
  bool shows_below(const TreePath& path) const;
  void promote(std::size_t group, Entry metadata);
  [[noreturn]] void refuse(std::string_view why) const;

  const Tree* below_;
  RowActions& actions_;
  std::string name_;
  std::string member_;
  Rows rows_;
  std::uint32_t place_ = 0;    // of the current member
  bool out_of_order_ = false;  // alone: some parent or first name was not there before
  std::vector<Group> groups_;
  // The last parent and where it settled; forgotten when a row goes or becomes a whiteout.
  std::optional<std::pair<TreePath, TreePath>> last_parent_;
};

// Whether each of sorted rows has its parent row.
class ParentCheck {
 public:
  bool add(const Entry& row);  // whether this one has

 private:
  std::vector<TreePath> directories_;  // those that hold the current row, outermost first
};

// Whether every row has its parent row, and every hard link its first name: what apply_layer makes.
bool is_settled(const std::vector<Entry>& rows);  // sorted
// A table read alone, as it is over `below`.
Table settle(const Table& table, const Tree& below, const std::string& name);

}  // namespace cooper::layers
