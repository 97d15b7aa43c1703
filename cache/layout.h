// Where things lie beneath the store's directory. The only place that spells the names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/tree_path.h"
#include "oci/digest.h"

namespace cooper::cache::layout {

// The format this program reads and writes: SQLite's user_version, and the text of kFormat.
inline constexpr int kVersion = 1;

inline constexpr const char* kFormat = "format";
inline constexpr const char* kSecret = "secret";
inline constexpr const char* kDatabase = "cooper.db";
inline constexpr const char* kBlobs = "blobs/sha256";
inline constexpr const char* kTables = "tables";
inline constexpr const char* kTrees = "trees";
inline constexpr const char* kDigests = "digests";
inline constexpr const char* kMounts = "mounts";
inline constexpr const char* kMountPoints = "mnt";  // of a running build, empty between builds
inline constexpr const char* kIngest = "ingest";
inline constexpr const char* kLocks = "locks";
inline constexpr const char* kMarkSuffix = ".used";  // beside each tree and cache mount

inline TreePath path(const std::string& text) {
  return TreePath::clean(text);
}

// blobs/sha256/ab/abcd…, tables/ab/abcd…: 256 directories keep each small.
inline TreePath fanned(const std::string& base, const oci::Digest& digest) {
  const std::string hex = digest.hex();
  return path(base + "/" + hex.substr(0, 2) + "/" + hex);
}
inline TreePath blob(const oci::Digest& digest) {
  return fanned(kBlobs, digest);
}
inline TreePath table(const oci::Digest& digest) {
  return fanned(kTables, digest);
}

// nullopt unless hex is a digest's 64 characters.
std::optional<oci::Digest> try_digest(std::string_view hex);

bool is_mapping(const std::string& text);
// Error(invalid) unless mapping is a plain word: it becomes a directory name.
void check_mapping(const std::string& mapping);
TreePath tree(const std::string& mapping, const oci::Digest& chain);
TreePath tree_mark(const std::string& mapping, const oci::Digest& chain);

// One directory of a RUN cache mount: mounts/<mapping>/<hex of its identity>-<number>, and its mark
// beside it.
struct MountId {
  std::string mapping;
  oci::Digest identity;
  std::uint32_t number = 0;
  friend auto operator<=>(const MountId&, const MountId&) = default;
};
TreePath mount(const MountId& id);
TreePath mount_mark(const MountId& id);
// The name of a directory beneath mounts/<mapping>; nullopt when it is none.
std::optional<MountId> try_mount_id(const std::string& mapping, std::string_view name);

}  // namespace cooper::cache::layout
