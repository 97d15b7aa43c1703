// Small files of a tree: passwd, a Dockerfile in a fetched context.
#pragma once

#include <optional>
#include <string>

#include "layers/tree.h"

namespace cooper::builder {

// Text of a file of a tree, links followed inside it; nullopt when absent or no regular file.
std::optional<std::string> read_tree_file(const layers::Tree& tree, const TreePath& path);

}  // namespace cooper::builder
