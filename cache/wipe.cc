#include "cache/wipe.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "cache/disk_usage.h"
#include "cache/layout.h"

namespace cooper::cache {
namespace {

// The database goes before its log, which alone is harmless: SQLite drops it.
constexpr std::array kTopLevel = {
    layout::kMountPoints, layout::kMounts,   layout::kTrees,  "blobs",         layout::kTables,
    layout::kDigests,     layout::kDatabase, "cooper.db-wal", "cooper.db-shm", "cooper.db-journal",
    layout::kIngest,      layout::kLocks,    layout::kSecret};

void count_all(const StoreParts& parts, PruneResult& result) {
  for (const ObjectId& id : parts.objects.files()) {
    const std::optional<struct stat> status = parts.root.dir().try_stat(object_path(id));
    if (!status) continue;
    ++result.removed_objects;
    result.freed_bytes += static_cast<std::uint64_t>(status->st_size);
  }
  for (const Trees::Listed& tree : parts.trees.list()) {
    ++result.removed_objects;
    result.freed_bytes +=
        disk_usage(parts.root.dir(), layout::tree(tree.id.mapping, tree.id.chain));
  }
}

// Last: until then the directory is known as a store. It stays one beside what is not ours, as
// without the marker it would be refused for a directory of somebody else's.
void drop_marker(const Dir& store) {
  const TreePath marker = layout::path(layout::kFormat);
  const bool alone = std::ranges::all_of(store.list(TreePath()), [&](const DirEntry& entry) {
    return entry.name == marker.name() || entry.name == "lost+found";
  });
  if (alone) store.remove_all(marker);
}

}  // namespace

bool wipe(const StoreParts& parts, PruneResult* result) {
  if (!parts.ingest.idle()) return false;
  bool wiped = false;
  const bool no_leases = parts.leases.without_leases([&] {
    wiped = parts.root.alone([&] {
      if (result != nullptr) count_all(parts, *result);
      parts.ingest.close();
      for (const char* name : kTopLevel) parts.root.dir().remove_all(layout::path(name));
      drop_marker(parts.root.dir());
    });
  });
  return no_leases && wiped;
}

}  // namespace cooper::cache
