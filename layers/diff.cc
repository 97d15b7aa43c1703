#include "layers/diff.h"

#include <fcntl.h>
#include <sys/xattr.h>

#include "layers/diff_support.h"
#include "layers/diff_walk.h"
#include "layers/xattr.h"

namespace cooper::layers {
namespace {

class DiffWriter {
 public:
  DiffWriter(const Dir& upper, const Tree& below, const StandInSeal& seal,
             const DiffOptions& options, LayerWriter& writer)
      : upper_(upper),
        below_(below),
        reading_{upper.label(), below, seal, options.hiding == Hiding::named},
        stubs_(options.stubs),
        writer_(writer),
        changes_(upper.label(), writer) {}

  void run() {
    const UpperEntry root = read_upper_root(upper_, reading_);
    add_changed_root(root.entry, below_, writer_);
    walk(root.fd.get(), TreePath(), true);
  }

 private:
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
    const bool unchanged = merges ? !entry.opaque && same_directory(entry, *lower, stubs_)
                                  : !lower && stubs_.concerns(entry.path);
    if (unchanged) {
      changes_.enter_unchanged(entry);
    } else {
      changes_.add(entry);
    }
    walk(upper.fd.get(), entry.path, merges && !entry.opaque);
    changes_.leave(entry.path);
  }

  void add_other(UpperEntry& upper, bool lower_shows) {
    const Entry& entry = upper.entry;
    const bool is_below = lower_shows && below_.find(entry.path);
    if (entry.type == EntryType::whiteout) {
      if (is_below) changes_.add(entry);
    } else if (is_below || !stubs_.is_empty_file(entry)) {
      changes_.add_leaf(upper);
    }
  }

  const Dir& upper_;
  const Tree& below_;
  const UpperReading reading_;
  const Stubs stubs_;
  LayerWriter& writer_;
  ChangeWriter changes_;
};

}  // namespace

void write_diff(const Dir& upper, const Tree& below, const StandInSeal& seal,
                const DiffOptions& options, LayerWriter& writer) {
  writer.keep_xattrs(options.keep_xattrs);
  DiffWriter(upper, below, seal, options, writer).run();
}

bool strip_xattrs(const Dir& upper, const std::vector<TreePath>& stripped) {
  for (const TreePath& path : stripped) {
    const UniqueFd file = upper.open_file(path, O_RDONLY | O_NONBLOCK);
    for (const std::string& name : upper.list_xattrs(path)) {
      if (kept_on_request(name) && ::fremovexattr(file.get(), name.c_str()) != 0) return false;
    }
  }
  return true;
}

}  // namespace cooper::layers
