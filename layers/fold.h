// Metadata folding (docs/folding.md): of layers that lie upon each other, an upper one often holds files of a lower one
// again, with another owner, mode or time and the very same bytes (`chown -R`). Their metadata is moved down to where the
// bytes are, and the upper layer loses them. What the layers show merged is the same, and the bytes are there once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "layers/layer_writer.h"
#include "layers/table.h"

namespace cooper::layers {

struct FoldLayer {
  TablePtr table;          // of the layer alone, as LayerWriter or read_table made it; files with their digests
  bool may_change = true;  // else it is published as it is
};

struct FoldedLayer {
  std::optional<Table> table;       // nullopt: nothing changed
  std::uint64_t moved_bytes = 0;    // of files that this layer no longer holds
};

// One per layer, in order, bottom first. Beneath the first one anything may lie: nothing of it is moved or needed.
//
// An entry moves when the topmost layer below that says anything about its path has the same thing there (a file of the
// same content, a link of the same text, …) and may change, and when neither is part of a hard-link group. A directory
// moves when nothing beneath it is left in its layer. Between two layers nothing moves at all unless files move that make
// a hundredth of the receiving layer's bytes: it has to be written anew.
std::vector<FoldedLayer> fold_metadata(const std::vector<FoldLayer>& bottom_first);

// Writes the layer that `rows` describe: entries of `tar`, in their order, some left out, with metadata of their own. Their
// bytes are streamed; Error(corrupt) when the tar lacks one, Error(io) when its content is another. name appears in errors.
void rewrite_layer(std::unique_ptr<ByteSource> tar, const Table& rows, const std::string& name, LayerWriter& writer);

}  // namespace cooper::layers
