// What a directory takes on disk.
#pragma once

#include <cstdint>

#include "base/dir.h"

namespace cooper::cache {

// Allocated bytes beneath path, hard links counted once, mounts not entered. What may not be looked
// into counts for itself only. 0 when absent.
std::uint64_t disk_usage(const Dir& dir, const TreePath& path);

}  // namespace cooper::cache
