// A selection as files in a directory: what a RUN step gets to see of a build context, and what a
// cache mount begins with.
#pragma once

#include "base/dir.h"
#include "layers/copy.h"
#include "layers/standin.h"

namespace cooper::layers {

// Where the one file of a selection that is no directory is put.
inline constexpr const char* kSingleFileName = "file";

// Writes the only source of `selection` into an empty directory: of a directory its contents, and
// its own mode, owner and time for `into`; of anything else that alone, as kSingleFileName. Owners,
// modes, times, hard links and capabilities are kept; what the kernel refuses has a stand-in
// (apply.h). Error(io) names a file that changed since it was selected.
void write_tree(const Selection& selection, const Dir& into, const StandInSeal& seal);

// Equal for two selections only if write_tree writes the same for both, times included.
// Precondition: `content` is the selection's digest.
oci::Digest tree_identity(const Selection& selection, const oci::ContentDigest& content);

}  // namespace cooper::layers
