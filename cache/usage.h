// Store::usage.
#pragma once

#include "cache/prune.h"
#include "cache/store_usage.h"

namespace cooper::cache {

// Sizes as prune counts them: what has Need::none is what it would free. Notes no use and removes nothing.
StoreUsage store_usage(const StoreParts& parts);

}  // namespace cooper::cache
