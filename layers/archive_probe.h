// Whether a file is an archive that ADD unpacks.
#pragma once

#include "layers/tree.h"

namespace cooper::layers {

// Judged by content, never by name (ADD-02): a tar stream, plain or compressed, with at least one
// member.
bool is_archive(const Tree& tree, const Entry& file);

}  // namespace cooper::layers
