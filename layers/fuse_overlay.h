// A stack of layer directories, mounted by the program fuse-overlayfs: for where the kernel refuses
// an overlay (mount_overlay) and /dev/fuse can be had.
//
// What it hides is marked by names (Hiding::named), and where the file system takes it by the
// kernel's marks, which the program reads as well.
#pragma once

#include "base/child_process.h"
#include "layers/overlay.h"

namespace cooper::layers {

class FuseOverlay {
 public:
  // layers: with an upper directory, all of them beneath base_path. The program serves the calling
  // thread's user namespace. Error(not_found) without it, SysError without /dev/fuse or a mount,
  // Error(io) with what it said when it ends at once.
  FuseOverlay(const OverlayLayers& layers, const std::string& base_path);

  // The mount, detached; once.
  UniqueFd take_mount() { return std::move(mount_); }
  // After the last use of the mount: waits until the upper directory holds everything. Error(io)
  // with what the program said when it failed on the way: the upper directory is not to be used
  // then. Error(cancelled) soon after stop is requested.
  void finish(const std::stop_token& stop);

 private:
  [[noreturn]] void fail(const std::optional<ExitStatus>& status) const;
  UniqueFd mount_;
  UniqueFd messages_;  // what it writes to its standard error
  ChildProcess program_;
};

}  // namespace cooper::layers
