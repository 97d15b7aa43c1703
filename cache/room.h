// The ceiling of a store (Store::set_limit).
//
// What enters the store for good (a blob, a table, a tree, a cache mount) is admitted first: it fits beside what is there,
// or room is made in prune's order, or it is refused with Error(io). Admission and entry are under one kernel lock for all
// processes that have a limit, so that two of them never take the same room. What is being written meanwhile, the layer
// in flight, is not counted: its size is known when it is whole.
//
// The total is kept by the database itself, in a row that triggers adjust, from the first limit on; what has no size on
// record (trees and cache mounts of builds without a limit) is measured when a limit is set, and after room was made.
// Locks: room.lock comes before a mark's or an object's lock and before prune.lock, and under it no lock of those is
// waited for but prune.lock and the one of what enters.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "cache/file_lock.h"
#include "cache/layout.h"
#include "cache/leases.h"
#include "cache/store.h"
#include "cache/store_root.h"

namespace cooper::cache {

struct StoreParts;

class Room {
 public:
  explicit Room(StoreRoot& root) : root_(root) {}

  // Measures, and makes room at once as far as that is possible without giving up names. Before anything else is done with the store.
  void set(StoreLimit limit, const StoreParts& parts);
  bool limited() const noexcept { return parts_ != nullptr; }

  // Held until what was admitted has its size on record.
  class Admission {
   public:
    Admission() = default;
    explicit Admission(LockedFile turn) : turn_(std::move(turn)) {}

   private:
    std::optional<LockedFile> turn_;
  };
  // Without a limit: admitted, and nothing is locked. `what` is for the refusal.
  [[nodiscard]] Admission admit(std::uint64_t disk_bytes, const std::string& what);

  // A cache mount's size, while an admission is held, or `note`d after a step used it; then room is made as far as possible.
  void record_mount(const layout::MountId& id, Nanoseconds used) const;
  void note_mount(const layout::MountId& id, Nanoseconds used) noexcept;

  // What the store takes by the record; for tests too.
  std::uint64_t total_bytes() const;

 private:
  bool fit(std::uint64_t disk_bytes, bool names);
  void prepare_records() const;
  bool fold_log() const;
  void reconcile();
  void reconcile_trees() const;
  void reconcile_mounts() const;

  StoreRoot& root_;
  StoreLimit limit_;
  const StoreParts* parts_ = nullptr;
  std::atomic<std::uint64_t> overhead_bytes_{0};  // directories, marks, locks, remembered digests
};

}  // namespace cooper::cache
