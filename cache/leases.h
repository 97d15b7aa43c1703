// Leases of running builds, and the time that "last use" is told in.
//
// A lease is a locked file whose mtime is the moment it began. Finding an object sets the object's
// mtime to a stamp that is never before the newest lease of this store object; prune removes only
// what was last used before its horizon: the beginning of the oldest live lease, or of the prune
// itself when that is earlier. Both are read back from the file system, and no lease ever begins
// before the last prune did, so a clock that is set back, or a file system that keeps whole
// seconds, makes prune remove less and never more.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/dir.h"
#include "base/guarded.h"
#include "cache/file_lock.h"
#include "cache/store.h"
#include "cache/store_root.h"

namespace cooper::cache {

using Nanoseconds = std::int64_t;  // since 1970

Nanoseconds now_ns();
Nanoseconds mtime_ns(const struct stat& status);
void set_mtime_ns(int fd, Nanoseconds time, const std::string& name);

class Leases {
 public:
  explicit Leases(StoreRoot& store) : store_(store), root_(store.dir()) {}

  struct Held {
    LockedFile file;
    Nanoseconds since = 0;
  };
  Held take();
  void give_back(const Held& held) noexcept;  // the lock itself goes with it
  std::optional<Nanoseconds> oldest_own() const;  // when it began

  // What a use at this moment is written down as.
  Nanoseconds stamp() const;
  // Whether a use written down as `used` already protects for as long as any lease of ours lasts.
  bool covers(Nanoseconds used) const;

  // Marks the beginning of a prune. Sweeps the files of dead leases.
  struct Horizon {
    Nanoseconds before = 0;  // only what was last used earlier may go
    bool any_live = false;
  };
  Horizon begin_prune();
  // What a prune that began now would go by.
  Nanoseconds horizon() const;
  // Runs body while no lease is live and none can begin; false when one is.
  template <class Body>
  [[nodiscard]] bool without_leases(Body&& body) {
    const LockedFile gate = close_gate();
    if (oldest_live(Idle::swept)) return false;
    body();
    return true;
  }

 private:
  LockedFile close_gate() const;
  LockedFile free_slot() const;
  enum class Idle { left, swept };  // files nobody holds; swept only where the gate is closed
  std::optional<Nanoseconds> oldest_live(Idle idle) const;

  StoreRoot& store_;
  const Dir& root_;
  Guarded<std::multiset<Nanoseconds>> own_;
};

}  // namespace cooper::cache
