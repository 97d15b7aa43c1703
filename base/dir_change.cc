// The calls of Dir that make, move and change entries. Removal of trees: dir_remove.cc.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <utility>
#include <vector>

#include "base/dir.h"
#include "base/dir_resolve.h"

namespace cooper {
namespace {

using dir_resolve::find_place;
using dir_resolve::Place;

// fchmodat2(2), Linux 6.6, is one call; it is not in our libc's headers, and its number is the same
// on every architecture. glibc's fchmodat means the same with four calls through /proc.
int change_mode(const Place& place, mode_t mode) noexcept {
#ifdef SYS_fchmodat2
  constexpr long kFchmodat2 = SYS_fchmodat2;
#else
  constexpr long kFchmodat2 = 452;
#endif
  if (::syscall(kFchmodat2, place.fd, place.name, mode, AT_SYMLINK_NOFOLLOW) == 0) return 0;
  // EPERM may come from a seccomp filter that has not heard of the call: the old way tells.
  if (errno != ENOSYS && errno != EPERM) return errno;
  return ::fchmodat(place.fd, place.name, mode, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
}

}  // namespace

void Dir::make_dir(const TreePath& path, mode_t mode) const {
  const Place place = find_place(fd_.get(), confine_, path);
  if (place.errnum != 0) fail(place.errnum, "making directory", path);
  if (::mkdirat(place.fd, place.name, mode) != 0) fail(errno, "making directory", path);
}

void Dir::make_dirs(const TreePath& path, mode_t mode) const {
  const auto try_make = [&](const TreePath& at) {
    const Place place = find_place(fd_.get(), confine_, at);
    if (place.errnum != 0) return place.errnum;
    return ::mkdirat(place.fd, place.name, mode) == 0 ? 0 : errno;
  };
  // Up to the deepest directory that exists, then down again.
  std::vector<TreePath> missing;
  TreePath at = path;
  int errnum = try_make(at);
  while (errnum == ENOENT && !at.is_root()) {
    missing.push_back(std::exchange(at, at.parent()));
    errnum = try_make(at);
  }
  if (errnum != 0 && errnum != EEXIST) fail(errnum, "making directory", at);
  for (; !missing.empty(); missing.pop_back()) {
    errnum = try_make(missing.back());
    if (errnum != 0 && errnum != EEXIST) fail(errnum, "making directory", missing.back());
  }
  if (errnum != EEXIST) return;
  // Something was there: like mkdir -p, a link to a directory will do where links are followed.
  const auto opened = dir_resolve::open_directory(fd_.get(), confine_, path.str());
  if (opened.errnum != 0) fail(EEXIST, "making directory", path);
}

void Dir::make_symlink(const std::string& target, const TreePath& path) const {
  const Place place = find_place(fd_.get(), confine_, path);
  if (place.errnum != 0) fail(place.errnum, "making symbolic link", path);
  if (::symlinkat(target.c_str(), place.fd, place.name) != 0) {
    fail(errno, "making symbolic link", path);
  }
}

void Dir::make_node(const TreePath& path, mode_t mode, dev_t device) const {
  const Place place = find_place(fd_.get(), confine_, path);
  if (place.errnum != 0) fail(place.errnum, "making node", path);
  if (::mknodat(place.fd, place.name, mode, device) != 0) fail(errno, "making node", path);
}

void Dir::link(const TreePath& from, const TreePath& to) const {
  const Place source = find_place(fd_.get(), confine_, from);
  if (source.errnum != 0) fail(source.errnum, "linking from", from);
  const Place target = find_place(fd_.get(), confine_, to);
  if (target.errnum != 0) fail(target.errnum, "linking to", to);
  if (::linkat(source.fd, source.name, target.fd, target.name, 0) != 0) {
    fail(errno, "linking to", to);
  }
}

void Dir::rename(const TreePath& from, const TreePath& to) const {
  const Place source = find_place(fd_.get(), confine_, from);
  if (source.errnum != 0) fail(source.errnum, "renaming", from);
  const Place target = find_place(fd_.get(), confine_, to);
  if (target.errnum != 0) fail(target.errnum, "renaming to", to);
  if (::renameat(source.fd, source.name, target.fd, target.name) != 0) {
    fail(errno, "renaming to", to);
  }
}

void Dir::unlink(const TreePath& path) const {
  const Place place = find_place(fd_.get(), confine_, path);
  if (place.errnum != 0) fail(place.errnum, "unlinking", path);
  if (::unlinkat(place.fd, place.name, 0) != 0) fail(errno, "unlinking", path);
}

void Dir::set_owner(const TreePath& path, uid_t uid, gid_t gid) const {
  const Place place = find_place(fd_.get(), confine_, path);
  if (place.errnum != 0) fail(place.errnum, "changing the owner of", path);
  if (::fchownat(place.fd, place.name, uid, gid, AT_SYMLINK_NOFOLLOW) != 0) {
    fail(errno, "changing the owner of", path);
  }
}

void Dir::set_mode(const TreePath& path, mode_t mode) const {
  const Place place = find_place(fd_.get(), confine_, path);
  const int errnum = place.errnum != 0 ? place.errnum : change_mode(place, mode & 07777U);
  if (errnum != 0) fail(errnum, "changing the mode of", path);
}

void Dir::set_mtime(const TreePath& path, Timestamp mtime) const {
  const Place place = find_place(fd_.get(), confine_, path);
  if (place.errnum != 0) fail(place.errnum, "changing the time of", path);
  const timespec when{.tv_sec = static_cast<time_t>(mtime.seconds),
                      .tv_nsec = static_cast<long>(mtime.nanoseconds)};
  const std::array<timespec, 2> times{when, when};
  if (::utimensat(place.fd, place.name, times.data(), AT_SYMLINK_NOFOLLOW) != 0) {
    fail(errno, "changing the time of", path);
  }
}

}  // namespace cooper
