// Kernel locks (flock): between processes and, each open having its own, between threads. They die
// with their holder, so nothing is ever left locked.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/dir.h"
#include "base/unique_fd.h"

namespace cooper::cache {

enum class LockMode { shared, exclusive };

// Waits. Also turns a lock the descriptor holds into the other kind (not atomically).
void lock_file(int fd, LockMode mode);
[[nodiscard]] bool try_lock_file(int fd, LockMode mode);
void unlock_file(int fd) noexcept;

// A lock held on a descriptor that it borrows. Let go by name and not by closing: a child process
// on its way to exec may hold a copy of the descriptor.
class FileLock {
 public:
  FileLock(int fd, LockMode mode) : fd_(fd) { lock_file(fd, mode); }  // waits
  static std::optional<FileLock> try_lock(int fd, LockMode mode);
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock() {
    if (fd_ >= 0) unlock_file(fd_);
  }

 private:
  explicit FileLock(int fd) noexcept : fd_(fd) {}
  int fd_;
};

// A lock file of the store, open and locked.
struct LockedFile {
  UniqueFd file;
  FileLock lock;
};

// Opens locks/<name>, making it and the directory when they are not there.
UniqueFd open_lock(const Dir& root, const std::string& name);
LockedFile wait_for_lock(const Dir& root, const std::string& name, LockMode mode);

}  // namespace cooper::cache
