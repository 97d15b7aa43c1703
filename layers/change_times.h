// What the change times (ctime) of a file system are good for. Private to the folder.
#pragma once

#include <sys/stat.h>

#include "base/dir.h"

namespace cooper::layers {

inline bool is_later(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

// Waits until whatever changes from now on gets a change time later than `latest`, and tells what
// the time there is by then: not later if the clock was set back too far to wait for. `place`: a
// directory of ours on that file system, where a file is made for a moment.
timespec wait_past(const Dir& place, const timespec& latest);

// Whether a write through a shared mapping moves a file's change time. Not on tmpfs, nor on
// overlayfs over it.
bool mapped_writes_show(const Dir& place);

}  // namespace cooper::layers
