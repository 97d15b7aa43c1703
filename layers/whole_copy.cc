#include "layers/whole_copy.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/error.h"
#include "base/stop.h"
#include "layers/apply_directory.h"
#include "layers/change_times.h"
#include "layers/settle_copy.h"
#include "layers/whole_copy_diff.h"
#include "layers/xattr.h"

namespace cooper::layers {
namespace {

// An entry of a merged tree as the copy holds it: every name a file of its own.
Entry as_copied(Entry entry) {
  if (entry.type == EntryType::file) entry.link_target.clear();
  entry.opaque = false;
  return entry;
}

// Turns a directory that holds one tree into one that holds another.
class Rewriter {
 public:
  // fresh: the directory is as empty as `have`.
  Rewriter(const Dir& directory, const StandInSeal& seal, const Tree& have, const Tree& want,
           bool fresh, const std::stop_token& stop)
      : directory_(directory),
        out_(directory, seal),
        have_(have),
        want_(want),
        fresh_(fresh),
        stop_(stop) {}

  void run() {
    rewrite(TreePath(), true);
    directories_.push_back(as_copied(want_.find(TreePath()).value()));
    out_.finish(Table(std::move(directories_)));
  }

 private:
  // Whether names directly in `path` came or went, which moves its mtime.
  bool rewrite(const TreePath& path, bool have_shows) {
    const std::vector<Entry> have = have_shows ? have_.children(path) : std::vector<Entry>();
    auto old = have.begin();
    bool changed = false;
    const auto remove_until = [&](const TreePath* end) {
      for (; old != have.end() && (end == nullptr || old->path < *end); ++old) {
        out_.remove(old->path);
        changed = true;
      }
    };
    for (const Entry& entry : want_.children(path)) {
      end_if_stopped(stop_);
      remove_until(&entry.path);
      const bool known = old != have.end() && old->path == entry.path;
      const Entry* before = known ? &*old++ : nullptr;
      if (entry.type == EntryType::directory ? rewrite_directory(entry, before)
                                             : rewrite_leaf(entry, before)) {
        changed = true;
      }
    }
    remove_until(nullptr);
    return changed;
  }

  bool rewrite_directory(const Entry& entry, const Entry* before) {
    const bool stays = before != nullptr && before->type == EntryType::directory;
    if (!stays) {
      make_room(entry.path);
      out_.make_directory(entry.path);
    }
    const bool moved = rewrite(entry.path, stays);
    const bool differs = stays && as_copied(entry) != as_copied(*before);
    if (differs) drop_attributes(*before);
    if (!stays || moved || differs) directories_.push_back(as_copied(entry));
    return !stays;
  }

  bool rewrite_leaf(const Entry& entry, const Entry* before) {
    const Entry wanted = as_copied(entry);
    if (before != nullptr && wanted == as_copied(*before)) return false;
    make_room(entry.path);
    if (entry.type == EntryType::file) {
      out_.make_copy(wanted, *want_.open(entry));
    } else {
      out_.make(wanted, nullptr);
    }
    return true;
  }

  // A step that failed may have left anything.
  void make_room(const TreePath& path) {
    if (!fresh_) out_.remove(path);
  }

  void drop_attributes(const Entry& before) const {
    const UniqueFd fd = directory_.open_file(before.path, O_RDONLY | O_DIRECTORY);
    ::fremovexattr(fd.get(), std::string(kOverrideXattr).c_str());  // absent is fine
    for (const auto& [name, value] : before.xattrs) ::fremovexattr(fd.get(), name.c_str());
  }

  const Dir& directory_;
  ApplyDirectory out_;
  const Tree& have_;
  const Tree& want_;
  bool fresh_;
  const std::stop_token& stop_;
  std::vector<Entry> directories_;
};

Dir make_root(const Dir& place) {
  const TreePath root = TreePath::clean(WholeCopy::kRoot);
  place.make_dir(root, 0700);
  return {place.open_file(root, O_RDONLY | O_DIRECTORY), Confine::strict,
          place.label() + root.absolute()};
}

class StampTaker {
 public:
  StampTaker(const Tree& tree, std::vector<WholeCopy::Stamp>& stamps)
      : tree_(tree), stamps_(stamps) {}

  // fd -1: the directory is not there, and nothing beneath it.
  void take(int fd, const TreePath& path) {
    for (const Entry& entry : tree_.children(path)) {
      const std::string name(entry.path.name());
      struct stat status {};
      const bool there = fd >= 0 && ::fstatat(fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
      if (fd >= 0 && !there && errno != ENOENT) throw_errno("looking at", entry.path.absolute());
      stamps_.push_back(there ? WholeCopy::Stamp(status) : WholeCopy::Stamp());
      if (entry.type != EntryType::directory) continue;
      UniqueFd inner;
      if (there && S_ISDIR(status.st_mode)) {
        inner = UniqueFd(::openat(fd, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!inner) throw_errno("opening", entry.path.absolute());
      }
      take(inner.get(), entry.path);
    }
  }

 private:
  const Tree& tree_;
  std::vector<WholeCopy::Stamp>& stamps_;
};

}  // namespace

bool WholeCopy::Stamp::fits(const struct stat& status) const {
  const auto same = [](const timespec& a, const timespec& b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
  };
  return inode == status.st_ino && size_bytes == status.st_size && same(changed, status.st_ctim) &&
         same(modified, status.st_mtim);
}

WholeCopy::WholeCopy(const Dir& place, StandInSeal seal)
    : place_(place.duplicate()),
      root_(make_root(place)),
      seal_(std::move(seal)),
      contents_count_(!mapped_writes_show(place)),
      tree_(merge_layers({})) {}

void WholeCopy::become(std::shared_ptr<const Tree> tree, const std::stop_token& stop) {
  Rewriter(root_, seal_, *tree_, *tree, std::exchange(fresh_, false), stop).run();
  tree_ = std::move(tree);
  take_stamps();
}

void WholeCopy::settle(std::shared_ptr<const Tree> tree) {
  fresh_ = false;
  settle_copy(root_, *tree, seal_);
  tree_ = std::move(tree);
  take_stamps();
}

void WholeCopy::take_stamps() {
  stamps_.clear();
  StampTaker(*tree_, stamps_).take(root_.fd(), TreePath());
  timespec latest{};
  for (const Stamp& stamp : stamps_) {
    if (is_later(stamp.changed, latest)) latest = stamp.changed;
  }
  const timespec now = wait_past(place_, latest);
  if (is_later(now, latest)) return;
  // The clock was set back: what has a time to come may change without a new one.
  for (Stamp& stamp : stamps_) {
    if (!is_later(now, stamp.changed)) stamp = {};
  }
}

void WholeCopy::write_changes(const DiffOptions& options, LayerWriter& writer) const {
  write_copy_changes(root_, {*tree_, stamps_, contents_count_}, seal_, options, writer);
}

}  // namespace cooper::layers
