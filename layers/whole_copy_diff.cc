#include "layers/whole_copy_diff.h"

#include <fcntl.h>

#include <cerrno>
#include <stdexcept>

#include "base/error.h"
#include "layers/diff_support.h"

namespace cooper::layers {
namespace {

class CopyDiff {
 public:
  CopyDiff(const Dir& directory, const CopyBefore& before, const StandInSeal& seal,
           const DiffOptions& options, LayerWriter& writer)
      : directory_(directory),
        below_(before.tree),
        stamps_(before.stamps),
        contents_count_(before.contents_count),
        reading_{directory.label(), before.tree, seal},
        stubs_(options.stubs),
        writer_(writer),
        changes_(directory.label(), writer) {}

  void run() {
    const UpperEntry root = read_upper_root(directory_, reading_);
    add_changed_root(root.entry, below_, writer_);
    walk(root.fd.get(), TreePath(), true, true);
  }

 private:
  // merges: `path` is a directory below, too. same: it is the very directory that was copied.
  void walk(int fd, const TreePath& path, bool merges, bool same) {
    const UpperDirectory directory(fd, path, reading_);
    const std::vector<Entry> below = merges ? below_.children(path) : std::vector<Entry>();
    auto old = below.begin();
    const auto pass_until = [&](std::string_view name, bool all) {
      for (; old != below.end() && (all || old->path.name() < name); ++old) remove(*old);
    };
    for (const DirEntry& item : directory.list()) {
      pass_until(item.name, false);
      const bool known = old != below.end() && old->path.name() == item.name;
      if (known) {
        compare(directory, fd, item, *old++, same);
      } else {
        add_new(directory, item);
      }
    }
    pass_until({}, true);
  }

  const WholeCopy::Stamp& next_stamp() {
    if (next_ == stamps_.size()) throw std::logic_error("fewer stamps than entries below");
    return stamps_[next_++];
  }
  void pass_stamps_beneath(const Entry& below) {
    if (below.type != EntryType::directory) return;
    for (const Entry& entry : below_.children(below.path)) {
      next_stamp();
      pass_stamps_beneath(entry);
    }
  }

  void remove(const Entry& below) {
    next_stamp();
    pass_stamps_beneath(below);
    write_whiteout(below.path);
  }
  void write_whiteout(const TreePath& path) {
    Entry whiteout;
    whiteout.path = path;
    whiteout.type = EntryType::whiteout;
    changes_.add(whiteout);
  }

  void compare(const UpperDirectory& directory, int fd, const DirEntry& item, const Entry& below,
               bool same) {
    const WholeCopy::Stamp stamp = next_stamp();
    struct stat status {};
    if (::fstatat(fd, item.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      throw_errno("looking at", below.path.absolute());
    }
    const bool same_inode = same && stamp.inode == status.st_ino;
    const bool touched = !same_inode || !stamp.fits(status);
    if (below.type == EntryType::directory && S_ISDIR(status.st_mode)) {
      enter(directory.read(item), below, touched, same_inode);
      return;
    }
    pass_stamps_beneath(below);
    if (!touched && !(contents_count_ && below.type == EntryType::file)) return;
    UpperEntry upper = directory.read(item);
    if (!touched && below.content && upper.digest(directory_.label()) == below.content->value) {
      return;
    }
    if (!write_new(upper)) write_whiteout(below.path);
  }

  // A directory that is one below, too: written when it differs, or something in it.
  void enter(const UpperEntry& upper, const Entry& below, bool touched, bool same) {
    Entry entry = upper.entry;
    entry.opaque = false;
    if (touched && !same_directory(entry, below, stubs_)) {
      changes_.add(entry);
    } else {
      changes_.enter_unchanged(entry);
    }
    walk(upper.fd.get(), entry.path, true, same);
    changes_.leave(entry.path);
  }

  void add_new(const UpperDirectory& directory, const DirEntry& item) {
    UpperEntry upper = directory.read(item);
    if (!stubs_.is_empty_file(upper.entry)) write_new(upper);
  }

  // False: layers hold no such thing.
  bool write_new(UpperEntry& upper) {
    if (upper.skipped || upper.entry.type == EntryType::whiteout) return false;
    if (upper.entry.type == EntryType::directory) {
      add_directory(upper);
      return true;
    }
    changes_.add_leaf(upper);
    return true;
  }

  // One that is new as a directory. A mount point is left out unless something else is in it.
  void add_directory(UpperEntry& upper) {
    Entry entry = upper.entry;
    entry.opaque = false;
    if (stubs_.concerns(entry.path)) {
      changes_.enter_unchanged(entry);
    } else {
      changes_.add(entry);
    }
    walk(upper.fd.get(), entry.path, false, false);
    changes_.leave(entry.path);
  }

  const Dir& directory_;
  const Tree& below_;
  const std::vector<WholeCopy::Stamp>& stamps_;
  bool contents_count_;
  std::size_t next_ = 0;
  const UpperReading reading_;
  const Stubs stubs_;
  LayerWriter& writer_;
  ChangeWriter changes_;
};

}  // namespace

void write_copy_changes(const Dir& directory, const CopyBefore& before, const StandInSeal& seal,
                        const DiffOptions& options, LayerWriter& writer) {
  writer.keep_xattrs(options.keep_xattrs);
  CopyDiff(directory, before, seal, options, writer).run();
}

}  // namespace cooper::layers
