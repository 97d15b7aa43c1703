#include "cache/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "cache/layout.h"

namespace cooper::cache {
namespace {

int operation(LockMode mode) {
  return mode == LockMode::shared ? LOCK_SH : LOCK_EX;
}

// What root makes in somebody's store must not keep him out of it.
void leave_to_owner(const Dir& root, int fd) {
  if (::geteuid() != 0) return;
  struct stat owner {};
  struct stat own {};
  if (::fstat(root.fd(), &owner) != 0 || ::fstat(fd, &own) != 0 || own.st_uid == owner.st_uid) return;
  // Where that is not allowed, root is not the real one, and the owner not there to be kept out.
  static_cast<void>(::fchown(fd, owner.st_uid, owner.st_gid));
}

}  // namespace

void lock_file(int fd, LockMode mode) {
  while (::flock(fd, operation(mode)) != 0) {
    if (errno != EINTR) throw_errno("locking", "a file of the store");
  }
}

bool try_lock_file(int fd, LockMode mode) {
  while (::flock(fd, operation(mode) | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) throw_errno("locking", "a file of the store");
  }
  return true;
}

void unlock_file(int fd) noexcept {
  ::flock(fd, LOCK_UN);
}

std::optional<FileLock> FileLock::try_lock(int fd, LockMode mode) {
  if (!try_lock_file(fd, mode)) return std::nullopt;
  return FileLock(fd);
}

LockedFile wait_for_lock(const Dir& root, const std::string& name, LockMode mode) {
  UniqueFd file = open_lock(root, name);
  const int fd = file.get();
  return {std::move(file), FileLock(fd, mode)};
}

UniqueFd open_lock(const Dir& root, const std::string& name) {
  const TreePath directory = layout::path(layout::kLocks);
  const TreePath path = directory.child(name);
  constexpr int kFlags = O_RDWR | O_CREAT;
  UniqueFd file;
  try {
    file = root.open_file(path, kFlags, 0600);
  } catch (const SysError& error) {
    if (error.errnum() != ENOENT) throw;
    root.make_dirs(directory, 0700);
    file = root.open_file(path, kFlags, 0600);
  }
  leave_to_owner(root, file.get());
  return file;
}

}  // namespace cooper::cache
