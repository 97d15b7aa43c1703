#include "layers/diff.h"

#include <map>
#include <set>

#include "base/error.h"
#include "layers/diff_walk.h"

namespace cooper::layers {
namespace {

// The mount points of one step, and the directories on the way to them.
class Stubs {
 public:
  explicit Stubs(const std::vector<TreePath>& paths) : paths_(paths.begin(), paths.end()) {
    for (const TreePath& path : paths) {
      for (TreePath at = path; !at.is_root(); at = at.parent()) parents_.insert(at.parent());
    }
  }
  bool is_stub(const TreePath& path) const { return paths_.contains(path); }
  bool leads_to_stub(const TreePath& path) const { return parents_.contains(path); }

 private:
  std::set<TreePath> paths_;
  std::set<TreePath> parents_;
};

bool same_but_time(const Entry& a, const Entry& b, bool keep_xattrs) {
  const auto visible = [&](const Entry& entry) {
    Xattrs xattrs = entry.xattrs;
    std::erase_if(xattrs, [&](const auto& x) { return !allowed_in_layer(x.first, keep_xattrs); });
    return xattrs;
  };
  return a.type == b.type && a.mode == b.mode && a.uid == b.uid && a.gid == b.gid &&
         visible(a) == visible(b);
}

class DiffWriter {
 public:
  DiffWriter(const Dir& upper, const Tree& below, const StandInSeal& seal,
             const DiffOptions& options, LayerWriter& writer)
      : upper_(upper),
        below_(below),
        reading_{upper.label(), below, seal},
        options_(options),
        stubs_(options.stubs),
        writer_(writer) {}

  void run() {
    const UpperEntry root = read_upper_root(upper_, reading_);
    // The root's mtime moves with every name made in it, and no other builder records it.
    const auto lower = below_.find(TreePath());
    if (!lower || !same_but_time(root.entry, *lower, options_.keep_xattrs)) add_root(root.entry);
    walk(root.fd.get(), TreePath(), true);
  }

 private:
  struct Inode {
    dev_t device;
    ino_t number;
    friend auto operator<=>(const Inode&, const Inode&) = default;
  };

  void add_root(Entry root) {
    root.opaque = false;
    writer_.add(root);
  }

  // lower_shows: what `below` has beneath path is still to be seen.
  void walk(int fd, const TreePath& path, bool lower_shows) {
    const UpperDirectory directory(fd, path, reading_);
    for (const DirEntry& item : directory.list()) {
      UpperEntry upper = directory.read(item);
      if (upper.skipped) continue;
      if (upper.entry.type == EntryType::directory) {
        add_directory(upper, lower_shows);
      } else {
        add_other(upper, lower_shows);
      }
    }
  }

  void add_directory(UpperEntry& upper, bool lower_shows) {
    Entry& entry = upper.entry;
    const auto lower = lower_shows ? below_.find(entry.path) : std::nullopt;
    const bool merges = lower && lower->type == EntryType::directory;
    // overlayfs marks new directories as opaque even where nothing lies below.
    entry.opaque = entry.opaque && merges;
    if (holds_stubs_only(upper, lower_shows)) return;
    writer_.add(entry);
    walk(upper.fd.get(), entry.path, merges && !entry.opaque);
  }

  void add_other(UpperEntry& upper, bool lower_shows) {
    const Entry& entry = upper.entry;
    if (entry.type == EntryType::whiteout) {
      if (lower_shows && below_.find(entry.path)) writer_.add(entry);
      return;
    }
    if (is_empty_stub(upper, lower_shows)) return;
    if (upper.status.st_nlink > 1 && add_as_link(upper)) return;
    if (entry.type != EntryType::file) return writer_.add(entry);
    FdSource content(std::move(upper.fd), upper_.label() + entry.path.absolute());
    writer_.add(entry, &content);
  }

  // Every name of an inode after its first.
  bool add_as_link(const UpperEntry& upper) {
    const auto [first, is_new] =
        first_names_.try_emplace({upper.status.st_dev, upper.status.st_ino}, upper.entry.path);
    if (is_new) return false;
    Entry link = upper.entry;
    link.type = EntryType::hard_link;
    link.link_target = first->second.str();
    writer_.add(link);
    return true;
  }

  bool is_empty_stub(const UpperEntry& upper, bool lower_shows) const {
    const Entry& entry = upper.entry;
    return entry.type == EntryType::file && entry.size_bytes == 0 && stubs_.is_stub(entry.path) &&
           !(lower_shows && below_.find(entry.path));
  }

  // A mount point that is still empty, or a directory that came up only to hold such ones.
  bool holds_stubs_only(const UpperEntry& upper, bool lower_shows) const {
    const Entry& entry = upper.entry;
    const bool is_stub = stubs_.is_stub(entry.path);
    if (!is_stub && !stubs_.leads_to_stub(entry.path)) return false;
    const auto lower = lower_shows ? below_.find(entry.path) : std::nullopt;
    if (lower && (entry.opaque || !same_but_time(entry, *lower, options_.keep_xattrs)))
      return false;
    const UpperDirectory directory(upper.fd.get(), entry.path, reading_);
    const bool lower_shows_inside = lower && lower->type == EntryType::directory;
    for (const DirEntry& item : directory.list()) {
      const UpperEntry inner = directory.read(item);
      if (inner.skipped) continue;
      const bool left_out = inner.entry.type == EntryType::directory
                                ? holds_stubs_only(inner, lower_shows_inside)
                                : is_empty_stub(inner, lower_shows_inside);
      if (!left_out) return false;
    }
    return true;
  }

  const Dir& upper_;
  const Tree& below_;
  const UpperReading reading_;
  const DiffOptions& options_;
  const Stubs stubs_;
  LayerWriter& writer_;
  std::map<Inode, TreePath> first_names_;
};

}  // namespace

void write_diff(const Dir& upper, const Tree& below, const StandInSeal& seal,
                const DiffOptions& options, LayerWriter& writer) {
  writer.keep_xattrs(options.keep_xattrs);
  DiffWriter(upper, below, seal, options, writer).run();
}

}  // namespace cooper::layers
