// What a step left in a whole copy beside what its layer says. Private to the folder.
#pragma once

#include "base/dir.h"
#include "layers/standin.h"
#include "layers/tree.h"

namespace cooper::layers {

// Makes `root` show what `tree` says and no more: names that it lacks go (sockets, whiteouts, mount
// points), attributes that it lacks go, names that share an inode get files of their own,
// directories that are touched by this get their times back.
void settle_copy(const Dir& root, const Tree& tree, const StandInSeal& seal);

}  // namespace cooper::layers
