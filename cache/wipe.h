// Leaving the directory empty.
#pragma once

#include "cache/prune.h"

namespace cooper::cache {

// Removes everything of the store, its database and locks included, if no lease is live, nothing of
// ours is unfinished and no other process has the store open; false otherwise, with nothing
// changed. Only names that are the store's are touched. With `result`, what goes is counted there.
bool wipe(const StoreParts& parts, PruneResult* result);

}  // namespace cooper::cache
