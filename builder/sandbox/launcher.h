// The program that starts a step's program (builder/launcher), where a step can execute it and
// nobody can change it: in a read-only file system that is mounted nowhere. Private to the sandbox.
#pragma once

#include "base/unique_fd.h"

namespace cooper::builder {

// In the build's namespace, in which file systems can be made.
UniqueFd place_launcher();

}  // namespace cooper::builder
