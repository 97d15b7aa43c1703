// A whole rootfs as one plain directory: what a RUN step works in where no overlay is to be had.
//
// Slower by the copy, equal in result. What a step changed is found by comparing inode and change
// time of every name with what they were before it. One copy serves one rootfs after the other:
// become() rewrites only what differs. As overlayfs does without an index, it breaks hard links of
// the layers below: each name is a file of its own.
//
// Relied on: the file system gives changed inodes a new change time (ctime), at latest 20 ms after
// the one before.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <vector>

#include "base/dir.h"
#include "layers/diff.h"
#include "layers/layer_writer.h"
#include "layers/standin.h"
#include "layers/tree.h"

namespace cooper::layers {

class WholeCopy {
 public:
  // directory: empty, and for nobody else until the copy goes.
  WholeCopy(const Dir& directory, StandInSeal seal);

  // Makes the directory hold `tree`. After an error the copy is of no use any more.
  void become(std::shared_ptr<const Tree> tree);
  // A step has changed the directory, and `tree` (its files are not opened) is what it holds by
  // now.
  void settle(std::shared_ptr<const Tree> tree);
  // What changed since the last of these two, as write_diff tells it.
  void write_changes(const DiffOptions& options, LayerWriter& writer) const;

  // Of one name, as it was; inode 0: not there. In the order of a walk through the tree.
  struct Stamp {
    ino_t inode = 0;
    timespec changed{};
  };

 private:
  void take_stamps();

  Dir directory_;
  StandInSeal seal_;
  std::shared_ptr<const Tree> tree_;
  std::vector<Stamp> stamps_;
  bool fresh_ = true;  // nothing was ever made in the directory
};

}  // namespace cooper::layers
