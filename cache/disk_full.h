// Says "disk full" where the kernel says ENOSPC or EDQUOT, naming the store.
#pragma once

#include <cerrno>
#include <string>
#include <utility>

#include "base/error.h"

namespace cooper::cache {

template <class Body>
decltype(auto) telling_disk_full(const std::string& store, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (const SysError& error) {
    if (error.errnum() != ENOSPC && error.errnum() != EDQUOT) throw;
    throw Error(Errc::io,
                cat("disk full: no room left in the store ", store, " (", error.message(), ")"));
  }
}

}  // namespace cooper::cache
