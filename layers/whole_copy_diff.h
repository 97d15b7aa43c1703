// The diff of a whole copy (whole_copy.h). Private to the folder.
#pragma once

#include <vector>

#include "layers/whole_copy.h"

namespace cooper::layers {

// What a directory held before a step.
struct CopyBefore {
  const Tree& tree;
  const std::vector<WholeCopy::Stamp>& stamps;  // of the tree's entries, in the order of a walk
  bool contents_count = false;  // a stamp that fits says nothing of a file's content
};

// What `directory` shows that was not so before. Directories on the way to a change are written as
// they are, as overlayfs would have copied them up.
void write_copy_changes(const Dir& directory, const CopyBefore& before, const StandInSeal& seal,
                        const DiffOptions& options, LayerWriter& writer);

}  // namespace cooper::layers
