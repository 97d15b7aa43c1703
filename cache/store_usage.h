// What a store holds, as `store du` tells it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cooper::cache {

struct StoreEntry {
  enum class Kind { blob, table, tree, cache_mount };
  enum class Need {
    none,   // prune takes it
    image,  // an image with a name needs it: prune takes it with `all`
    build,  // a build that runs now has used it: it stays
  };
  Kind kind = Kind::blob;
  std::string name;  // "sha256:…", "<mapping>/<hex>"
  std::uint64_t size_bytes = 0;
  std::optional<std::chrono::sys_seconds> last_use;  // nullopt: nothing says so
  Need need = Need::none;
  std::string description;  // of a cache mount, as its user called it
};

struct StoreUsage {
  std::vector<StoreEntry> entries;     // by kind, then what was used last first
  std::uint64_t records = 0;           // results of steps that are remembered
  std::uint64_t database_bytes = 0;    // with records, names, facts
  std::uint64_t digests_bytes = 0;     // remembered digests of context files
  std::uint64_t unfinished_bytes = 0;  // of builds that run, or what a killed one left and nobody may remove yet
  std::uint64_t other_bytes = 0;       // directories, marks, locks, and what blocks of files are larger than the files
};

}  // namespace cooper::cache
