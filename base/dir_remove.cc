// Dir::remove_all.
//
// Goes down by descriptor and never by path, so a directory swapped for a link is not followed.
// Trees may be deeper than there are descriptors or stack: a directory kMaxDepth levels down is
// moved up to the top of what is being removed, where the next pass finds it.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "base/dir.h"
#include "base/dir_entries.h"
#include "base/dir_resolve.h"
#include "base/error.h"

namespace cooper {
namespace {

constexpr int kMaxDepth = 64;
constexpr int kListFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// By attribute (Linux 5.8) and not by st_dev where we can: a bind mount may show the same file
// system again, and a btrfs subvolume has a device number of its own without being a mount.
bool is_mounted_on(const struct statx& status, const struct statx& above) noexcept {
  if ((status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0) {
    return (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  }
  return status.stx_dev_major != above.stx_dev_major || status.stx_dev_minor != above.stx_dev_minor;
}

bool look(int dir, const char* name, int flags, struct statx& status) noexcept {
  constexpr unsigned kMask = STATX_TYPE | STATX_MODE;
  return ::statx(dir, name, flags | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, kMask, &status) == 0;
}

class Remover {
 public:
  void entry(int parent, const char* name);
  void contents(int top);
  // The first failure (0: none) and where it was, below the starting point.
  int errnum() const noexcept { return errnum_; }
  const std::string& where() const noexcept { return where_; }

 private:
  void fail(int errnum);
  void directory(int parent, const char* name);
  UniqueFd open_searchable(int parent, const char* name);
  void pass(int dir);
  void move_to_top(int parent, const char* name);

  int top_ = -1;  // borrowed; -1 until the first directory is entered
  int depth_ = 0;
  unsigned moved_ = 0;
  std::string path_;
  int errnum_ = 0;
  std::string where_;
};

void Remover::fail(int errnum) {
  if (errnum == ENOENT || errnum_ != 0) return;  // ENOENT: gone by somebody else's hand
  errnum_ = errnum;
  where_ = path_;
}

void Remover::entry(int parent, const char* name) {
  if (::unlinkat(parent, name, 0) == 0) return;
  if (errno == EISDIR) {
    directory(parent, name);
  } else {
    fail(errno);
  }
}

void Remover::directory(int parent, const char* name) {
  // Empty directories go at once, and a mount point (empty or not) is refused with EBUSY.
  if (::unlinkat(parent, name, AT_REMOVEDIR) == 0) return;
  if (errno != ENOTEMPTY && errno != EEXIST) return fail(errno);
  const UniqueFd dir = open_searchable(parent, name);
  if (!dir) return;
  if (depth_ == kMaxDepth) return move_to_top(parent, name);
  ++depth_;
  if (top_ < 0) {
    contents(dir.get());
  } else {
    pass(dir.get());
  }
  --depth_;
  if (::unlinkat(parent, name, AT_REMOVEDIR) != 0) fail(errno);
}

UniqueFd Remover::open_searchable(int parent, const char* name) {
  struct statx above {};
  struct statx status {};
  if (!look(parent, "", AT_EMPTY_PATH, above) || !look(parent, name, 0, status)) {
    fail(errno);
    return UniqueFd();
  }
  if ((status.stx_mode & S_IRWXU) != S_IRWXU) {
    // Whether that was refused shows below, if it matters (it does not to root).
    ::fchmodat(parent, name, (status.stx_mode & 07777U) | S_IRWXU, AT_SYMLINK_NOFOLLOW);
  }
  UniqueFd dir(::openat(parent, name, kListFlags));
  if (!dir || !look(dir.get(), "", AT_EMPTY_PATH, status)) {
    fail(errno);
    return UniqueFd();
  }
  // rmdir(2) has said EBUSY to what was mounted by then; this is for what was mounted since.
  if (is_mounted_on(status, above)) {
    fail(EBUSY);
    return UniqueFd();
  }
  return dir;
}

void Remover::pass(int dir) {
  std::vector<DirEntry> entries;
  const int errnum = read_entries(dir, entries);
  if (errnum != 0) fail(errnum);
  const std::size_t length = path_.size();
  for (const DirEntry& child : entries) {
    path_.append("/").append(child.name);
    if (child.type == DT_DIR) {
      directory(dir, child.name.c_str());
    } else {
      entry(dir, child.name.c_str());
    }
    path_.resize(length);
  }
}

void Remover::contents(int top) {
  top_ = top;
  for (;;) {
    const unsigned moved_before = moved_;
    pass(top);
    // Ends: every move makes the tree less deep, and a failed one does not count.
    if (moved_ == moved_before) return;
    if (::lseek(top, 0, SEEK_SET) != 0) return fail(errno);
  }
}

// rename(2) replaces nothing but an empty directory, which is on its way out too; anything else
// that bears the name already makes us take the next one.
void Remover::move_to_top(int parent, const char* name) {
  for (;;) {
    const std::string target = cat(".removing-", ++moved_);
    if (::renameat(parent, name, top_, target.c_str()) == 0) return;
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) continue;
    --moved_;
    return fail(errno);
  }
}

}  // namespace

void Dir::remove_all(const TreePath& path) const {
  Remover remover;
  if (path.is_root()) {
    const UniqueFd dir = open_file(path, O_RDONLY | O_DIRECTORY);
    remover.contents(dir.get());
  } else {
    const auto place = dir_resolve::find_place(fd_.get(), confine_, path);
    if (place.errnum == ENOENT || place.errnum == ENOTDIR) return;
    if (place.errnum != 0) fail(place.errnum, "removing", path);
    remover.entry(place.fd, place.name);
  }
  if (remover.errnum() != 0) {
    throw SysError(remover.errnum(), cat("removing ", describe(path), remover.where()));
  }
}

}  // namespace cooper
