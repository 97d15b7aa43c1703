#include "cache/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "base/error.h"
#include "cache/layout.h"

namespace cooper::cache {
namespace {

int operation(LockMode mode) {
  return mode == LockMode::shared ? LOCK_SH : LOCK_EX;
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
  try {
    return root.open_file(path, kFlags, 0600);
  } catch (const SysError& error) {
    if (error.errnum() != ENOENT) throw;
  }
  root.make_dirs(directory, 0700);
  return root.open_file(path, kFlags, 0600);
}

}  // namespace cooper::cache
