// The diff of a whole copy (whole_copy.h). Private to the folder.
#pragma once

#include <vector>

#include "layers/whole_copy.h"

namespace cooper::layers {

// What `directory` shows that `below` does not. stamps: one for each entry of `below` in the order
// of a walk, from when the directory held just that. Directories on the way to a change are written
// as they are, as overlayfs would have copied them up.
void write_copy_changes(const Dir& directory, const Tree& below,
                        const std::vector<WholeCopy::Stamp>& stamps, const StandInSeal& seal,
                        const DiffOptions& options, LayerWriter& writer);

}  // namespace cooper::layers
