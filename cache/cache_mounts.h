// Directories of RUN cache mounts: mounts/<mapping>/<identity>-<number>, each with a mark beside it,
// <identity>-<number>.used.
//
// Users hold the mark's kernel lock for as long as a step runs: shared or exclusive, as the mount's
// sharing says. The mark's mtime is the last use. Number 0 is the one that shared and locked users
// mean; further ones exist where private users were there at once, or a shared one met an exclusive
// user. A directory appears by one rename, complete; nobody's lock, and last used before the
// horizon, is prune's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "cache/file_lock.h"
#include "cache/ingest.h"
#include "cache/layout.h"
#include "cache/leases.h"
#include "cache/store.h"
#include "cache/store_root.h"

namespace cooper::cache {

class Room;

class CacheMounts {
 public:
  CacheMounts(StoreRoot& root, Ingest& ingest, const Leases& leases, Room& room)
      : root_(root), ingest_(ingest), leases_(leases), room_(room) {}

  using Fill = std::function<void(const Dir&)>;
  std::unique_ptr<CacheMount> take(const CacheMountRequest& request, const Fill& fill,
                                   const std::stop_token& stop);

  // -- for care
  // ----------------------------------------------------------------------------------------
  struct Listed {
    layout::MountId id;
    Nanoseconds last_use = 0;  // 0: no mark
  };
  std::vector<Listed> list() const;
  std::uint64_t size_bytes(const layout::MountId& id) const;
  // False: somebody uses it, or did at the horizon or later. Error(denied) as for trees.
  bool remove(const layout::MountId& id, Nanoseconds horizon);
  // What lies beneath mounts/ and is neither a directory of ours nor its mark.
  std::vector<TreePath> strangers() const;

 private:
  // The mark, locked; nullopt: somebody holds it otherwise.
  std::optional<LockedFile> try_mark(const layout::MountId& id, LockMode mode);
  LockedFile choose(const CacheMountRequest& request, layout::MountId& id,
                    const std::stop_token& stop);
  void make(const layout::MountId& id, const Fill& fill, const std::stop_token& stop);
  template <class Visit>
  void visit(const Visit& visit) const;

  StoreRoot& root_;
  Ingest& ingest_;
  const Leases& leases_;
  Room& room_;
};

}  // namespace cooper::cache
