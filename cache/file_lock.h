// Kernel locks (flock): between processes and, each open having its own, between threads. They die
// with their holder, so nothing is ever left locked.
#pragma once

#include <string>

#include "base/dir.h"
#include "base/unique_fd.h"

namespace cooper::cache {

enum class LockMode { shared, exclusive };

// Waits. Also turns a lock the descriptor holds into the other kind (not atomically).
void lock_file(int fd, LockMode mode);
[[nodiscard]] bool try_lock_file(int fd, LockMode mode);
void unlock_file(int fd) noexcept;

// Opens locks/<name>, making it and the directory when they are not there.
UniqueFd open_lock(const Dir& root, const std::string& name);

// Names that cannot be guessed or meet: 64 random bits in hexadecimal.
std::string random_name();

}  // namespace cooper::cache
