#include "cache/overhead.h"

#include <dirent.h>
#include <sys/stat.h>

#include <optional>
#include <string>

#include "cache/disk_usage.h"
#include "cache/layout.h"

namespace cooper::cache {
namespace {

constexpr std::uint64_t kBlockBytes = 512;  // st_blocks, whatever the file system's own

std::uint64_t own_bytes(const Dir& root, const TreePath& path) {
  const std::optional<struct stat> status = root.try_stat(path);
  return status ? static_cast<std::uint64_t>(status->st_blocks) * kBlockBytes : 0;
}

// The directory and its directories, no files.
std::uint64_t fan_bytes(const Dir& root, const TreePath& path) {
  if (!root.try_stat(path)) return 0;
  std::uint64_t total = own_bytes(root, path);
  for (const DirEntry& fan : root.list(path)) {
    if (fan.type == DT_DIR) total += own_bytes(root, path.child(fan.name));
  }
  return total;
}

// The directory, one for each mapping, and the marks in them.
std::uint64_t mark_bytes(const Dir& root, const TreePath& path) {
  if (!root.try_stat(path)) return 0;
  std::uint64_t total = own_bytes(root, path);
  for (const DirEntry& mapping : root.list(path)) {
    const TreePath directory = path.child(mapping.name);
    total += own_bytes(root, directory);
    if (mapping.type != DT_DIR) continue;
    for (const DirEntry& entry : root.list(directory)) {
      if (entry.type == DT_REG) total += own_bytes(root, directory.child(entry.name));
    }
  }
  return total;
}

}  // namespace

Overhead overhead(const Dir& root) {
  Overhead found;
  found.digests_bytes = disk_usage(root, layout::path(layout::kDigests));
  found.directory_bytes = own_bytes(root, TreePath()) + own_bytes(root, layout::path("blobs")) +
                          fan_bytes(root, layout::path(layout::kBlobs)) + fan_bytes(root, layout::path(layout::kTables)) +
                          mark_bytes(root, layout::path(layout::kTrees)) +
                          mark_bytes(root, layout::path(layout::kMounts));
  for (const char* name : {layout::kLocks, layout::kFormat, layout::kSecret}) {
    found.directory_bytes += disk_usage(root, layout::path(name));
  }
  return found;
}

std::uint64_t database_bytes(const Dir& root) {
  std::uint64_t total = 0;
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    total += own_bytes(root, layout::path(std::string(layout::kDatabase) + suffix));
  }
  return total;
}

std::uint64_t log_bytes(const Dir& root) { return own_bytes(root, layout::path("cooper.db-wal")); }

}  // namespace cooper::cache
