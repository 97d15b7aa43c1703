// What `store du` prints.
#pragma once

#include <chrono>
#include <string>

#include "cache/store_usage.h"

namespace cooper::cmd {

// A line for each kind and their sum; what `prune` would free, and with --all, below. With `entries` a line for every
// blob, table, tree and cache mount before, and how long before `now` it was used last.
std::string usage_text(const cache::StoreUsage& usage, bool entries, std::chrono::sys_seconds now);
// The same in bytes, with every entry: one JSON object.
std::string usage_json(const cache::StoreUsage& usage, const std::string& store_path);

}  // namespace cooper::cmd
