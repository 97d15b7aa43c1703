// A whole tree as one layer, the root's own metadata included.
#pragma once

#include <functional>

#include "layers/layer_writer.h"
#include "layers/tree.h"

namespace cooper::layers {

struct TreeLayerOptions {
  // Names to be left out, with everything beneath. May be null.
  std::function<bool(const TreePath& path)> leave_out;
  // Changes metadata of an entry before it is written; type, size and content are not its business. May be null.
  std::function<void(Entry& entry)> amend;
};
void write_tree_layer(const Tree& tree, const TreeLayerOptions& options, LayerWriter& writer);

}  // namespace cooper::layers
