// A whole rootfs as one plain directory: what a RUN step works in where no overlay is to be had.
//
// Slower by the copy, equal in what becomes of files. What a step changed is found by comparing
// inode, times and size of every name with what they were before it; where a file system does not
// move change times as it should (tmpfs, for writes through a mapping), by content. Where times are
// coarse, it is waited for. One copy serves one rootfs after the other: become() rewrites only what
// differs.
//
// Every name is a file of its own, so that a write by one name does not change another, as a
// copy-up sees to in an overlay. Unlike there, a step sees such files as single.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <stop_token>
#include <vector>

#include "base/dir.h"
#include "layers/diff.h"
#include "layers/layer_writer.h"
#include "layers/standin.h"
#include "layers/tree.h"

namespace cooper::layers {

class WholeCopy {
 public:
  static constexpr const char* kRoot = "root";

  // place: an empty directory, for nobody else until the copy goes; the root is place/kRoot.
  WholeCopy(const Dir& place, StandInSeal seal);

  // Makes the root hold `tree`. Error(cancelled) when stop is requested. After an error the copy is
  // of no use any more.
  void become(std::shared_ptr<const Tree> tree, const std::stop_token& stop = {});
  // A step has changed the root since, and `tree` (its files are not opened) is what its layer
  // makes of what there was: whatever else the step left is removed (sockets, attributes that no
  // layer holds).
  void settle(std::shared_ptr<const Tree> tree);
  // What a step changed since the last of these two, as write_diff tells it.
  void write_changes(const DiffOptions& options, LayerWriter& writer) const;

  // Of one name, as it was; inode 0: not there, or its times can't be relied on.
  struct Stamp {
    Stamp() = default;
    explicit Stamp(const struct stat& status)
        : inode(status.st_ino),
          changed(status.st_ctim),
          modified(status.st_mtim),
          size_bytes(status.st_size) {}
    bool fits(const struct stat& status) const;

    ino_t inode = 0;
    timespec changed{};
    timespec modified{};
    off_t size_bytes = 0;
  };

 private:
  void take_stamps();

  Dir place_;
  Dir root_;
  StandInSeal seal_;
  bool contents_count_;  // times do not tell of every write here
  std::shared_ptr<const Tree> tree_;
  std::vector<Stamp> stamps_;  // of tree_'s entries, in the order of a walk
  bool fresh_ = true;          // nothing was ever made in the root
};

}  // namespace cooper::layers
