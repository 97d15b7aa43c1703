// Says "disk full" where the kernel says ENOSPC or EDQUOT, naming the store.
#pragma once

#include <cerrno>
#include <string>
#include <utility>

#include "base/error.h"

namespace cooper::cache {

// Error(io) whose text begins with "disk full".
class DiskFull : public Error {
 public:
  explicit DiskFull(const std::string& rest) : Error(Errc::io, "disk full: " + rest + "; `cooper prune` makes room") {}
};

// What emptying the store is the cure for, so that it must not stand in its way: a damaged database,
// and no room even to write that something goes.
inline bool is_cured_by_emptying(const Error& error) {
  return error.code() == Errc::corrupt || dynamic_cast<const DiskFull*>(&error) != nullptr;
}

template <class Body>
decltype(auto) telling_disk_full(const std::string& store, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (const SysError& error) {
    if (error.errnum() != ENOSPC && error.errnum() != EDQUOT) throw;
    throw DiskFull(cat("no room left in the store ", store, " (", error.message(), ")"));
  }
}

}  // namespace cooper::cache
