// What a store takes besides its objects, trees and cache mounts.
#pragma once

#include <cstdint>

#include "base/dir.h"

namespace cooper::cache {

struct Overhead {
  std::uint64_t digests_bytes = 0;      // remembered digests of files
  std::uint64_t directory_bytes = 0;    // directories that hold the rest, marks, locks, the format and the secret
  std::uint64_t total() const noexcept { return digests_bytes + directory_bytes; }
};
// Looks at directories, and at no object or tree.
Overhead overhead(const Dir& root);

// The database with its log.
std::uint64_t database_bytes(const Dir& root);
std::uint64_t log_bytes(const Dir& root);

}  // namespace cooper::cache
