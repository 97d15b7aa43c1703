// Overlay mounts of stacked layer directories, made detached: the result is a mount descriptor that
// can be looked into (openat) at once and moved into a step's mount namespace later.
//
// Options (design section 5): userxattr, index=off, redirect_dir=nofollow, metacopy=off, volatile,
// always, as root too, so that directories written by one mode of running read the same in another.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/dir.h"
#include "base/unique_fd.h"

namespace cooper::layers {

struct OverlayLayers {
  std::vector<std::string>
      lower_paths;  // absolute host paths, top first; may be empty (then an empty dir is used)
  std::string upper_path;  // both empty: a read-only mount of the lowers
  std::string work_path;
  std::string empty_dir;  // an empty directory, for a stack without layers
};

// Through fsopen/fsconfig with lowerdir+ where the kernel has it (6.5), else mount(2) with options
// under a page on a private mount point below `staging_path` that is detached again. Throws
// SysError naming the layer that was refused.
UniqueFd mount_overlay(const OverlayLayers& layers, const std::string& staging_path);

// Makes a mounted overlay read-only for whoever has a way into it, by whatever mount: from then on
// its upper directory changes for its owner alone. Error(io) when a file of it stays open for
// writing, Error(cancelled) when stop is requested meanwhile.
void end_writes(const UniqueFd& overlay, const std::stop_token& stop);

// For tests: pretend lowerdir+ is missing. Returns the previous setting.
bool set_overlay_new_api_allowed(bool allowed) noexcept;

}  // namespace cooper::layers
