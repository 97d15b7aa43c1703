// The entries of an open directory. Private to base: everybody else uses Dir::list.
#pragma once

#include <vector>

#include "base/dir.h"

namespace cooper {

// Reads from where the descriptor stands; unsorted, without "." and "..". Returns 0 or an errno.
int read_entries(int dir, std::vector<DirEntry>& entries);

}  // namespace cooper
