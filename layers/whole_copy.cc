#include "layers/whole_copy.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <utility>

#include "base/error.h"
#include "layers/apply_directory.h"
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
           bool fresh)
      : directory_(directory), out_(directory, seal), have_(have), want_(want), fresh_(fresh) {}

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
    const auto content = entry.type == EntryType::file ? want_.open(entry) : nullptr;
    out_.make(wanted, content.get());
    return true;
  }

  // A step may have left what no tree knows of, as a socket.
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
  std::vector<Entry> directories_;
};

// Gives every name of the tree that shares its inode with an earlier one a file of its own.
class LinkBreaker {
 public:
  LinkBreaker(const Dir& directory, const StandInSeal& seal, const Tree& tree)
      : directory_(directory), seal_(seal), tree_(tree) {}

  void run() {
    find(TreePath());
    if (shared_.empty()) return;
    ApplyDirectory out(directory_, seal_);
    for (const Entry& entry : shared_) {
      FdSource content(directory_.open_file(entry.path, O_RDONLY), entry.path.absolute());
      out.remove(entry.path);
      out.make(entry, &content);
      parents_.insert(entry.path.parent());
    }
    std::vector<Entry> directories;
    for (const TreePath& path : parents_) {
      directories.push_back(as_copied(tree_.find(path).value()));
    }
    out.finish(Table(std::move(directories)));
  }

 private:
  void find(const TreePath& path) {
    for (const Entry& entry : tree_.children(path)) {
      if (entry.type == EntryType::directory) find(entry.path);
      if (entry.type != EntryType::file || entry.link_target.empty()) continue;
      if (directory_.stat(entry.path).st_nlink > 1) shared_.push_back(as_copied(entry));
    }
  }

  const Dir& directory_;
  const StandInSeal& seal_;
  const Tree& tree_;
  std::vector<Entry> shared_;
  std::set<TreePath> parents_;
};

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
      stamps_.push_back(there ? WholeCopy::Stamp{status.st_ino, status.st_ctim}
                              : WholeCopy::Stamp{});
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

// What changes from here on has a later change time: those are as coarse as the kernel's tick, 10
// ms at most.
void let_the_clock_tick() {
  constexpr timespec kTwoTicks{0, 20'000'000};
  timespec left = kTwoTicks;
  while (::nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

}  // namespace

WholeCopy::WholeCopy(const Dir& directory, StandInSeal seal)
    : directory_(UniqueFd(::openat(directory.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
                 Confine::strict, directory.label()),
      seal_(std::move(seal)),
      tree_(merge_layers({})) {
  if (directory_.fd() < 0) throw_errno("opening", directory.label());
}

void WholeCopy::become(std::shared_ptr<const Tree> tree) {
  Rewriter(directory_, seal_, *tree_, *tree, std::exchange(fresh_, false)).run();
  tree_ = std::move(tree);
  take_stamps();
}

void WholeCopy::settle(std::shared_ptr<const Tree> tree) {
  fresh_ = false;
  LinkBreaker(directory_, seal_, *tree).run();
  tree_ = std::move(tree);
  take_stamps();
}

void WholeCopy::take_stamps() {
  stamps_.clear();
  StampTaker(*tree_, stamps_).take(directory_.fd(), TreePath());
  let_the_clock_tick();
}

void WholeCopy::write_changes(const DiffOptions& options, LayerWriter& writer) const {
  write_copy_changes(directory_, *tree_, stamps_, seal_, options, writer);
}

}  // namespace cooper::layers
