// What a RUN step changed: the upper directory of its overlay, as a layer. No scan of the base.
#pragma once

#include <vector>

#include "base/dir.h"
#include "base/tree_path.h"
#include "layers/apply.h"
#include "layers/layer_writer.h"
#include "layers/standin.h"
#include "layers/tree.h"

namespace cooper::layers {

struct DiffOptions {
  // Mount points the sandbox made for the step (RUN-11): left out while still empty, and their
  // parents too when nothing else about them differs from `below`.
  std::vector<TreePath> stubs;
  bool keep_xattrs = false;  // --keep-xattrs: user.* and POSIX ACLs too (IMG-14)
  // named: what fuse-overlayfs wrote, whose marks are names and, where the file system takes them,
  // the kernel's.
  Hiding hiding = Hiding::marked;
};

// Walks upper in order and feeds the writer: 0:0 character devices become whiteouts,
// user.overlay.opaque directories opaque ones, stand-ins (layers/standin.h) what they stand for;
// hard links within upper are kept; directories that were only copied up (equal to `below`, mtime
// included) are written where something in them is. Sockets are left out.
void write_diff(const Dir& upper, const Tree& below, const StandInSeal& seal,
                const DiffOptions& options, LayerWriter& writer);

// Takes from an upper directory what the layer written from it was refused
// (WrittenLayer::stripped), so that the directory shows what the layer would. False: it could not
// be done.
bool strip_xattrs(const Dir& upper, const std::vector<TreePath>& stripped);

}  // namespace cooper::layers
