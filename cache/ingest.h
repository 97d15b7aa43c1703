// Where unfinished things live: ingest/<random>/, one directory per store object, made on its first
// write.
//
// A locked file inside says that the owner lives. Directories whose lock is free are swept when a
// store is opened and by prune; one that we may not remove (files of sub-ids, seen from outside
// their namespace) is left for later.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/dir.h"
#include "base/guarded.h"
#include "base/temp_dir.h"
#include "cache/file_lock.h"
#include "cache/store_root.h"

namespace cooper::cache {

class Ingest {
 public:
  explicit Ingest(StoreRoot& store) : store_(store), root_(store.dir()) {}

  Dir dir();                                       // ours
  TreePath fresh_name(const std::string& prefix);  // of nothing yet, in dir()
  // Moves something out of the store's sight; it is removed by empty_trash or with us.
  TreePath trash(const TreePath& path);
  void empty_trash(const TreePath& trashed) noexcept;

  // Removes the directories of the dead.
  void sweep() noexcept;
  // Nothing unfinished is in ours.
  bool idle() const;
  // Removes ours; a later use makes another.
  void close() noexcept;

 private:
  struct Own {
    LockedFile lock;  // let go after the directory is gone, or a sweeper would race with us
    TempDir dir;
  };
  struct Dead {
    std::string name;
    LockedFile lock;
  };
  Own make() const;
  std::vector<Dead> find_dead(const Dir& ingest) const;

  StoreRoot& store_;
  const Dir& root_;
  Guarded<std::optional<Own>> own_;
  std::atomic<std::uint64_t> counter_{0};
};

}  // namespace cooper::cache
