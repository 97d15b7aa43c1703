// A layer that is read where it lies: files out of an uncompressed tar of our own making, without
// unpacking it. What is fetched for a build (git checkouts, downloads, unpacked contexts) is kept so:
// COPY reads it with no directory, no namespace and no second copy.
#pragma once

#include <string>

#include "base/unique_fd.h"
#include "layers/tree.h"

namespace cooper::layers {

// `table` as LayerWriter made it together with `tar` (Compression::none). Every file is held to the
// digest in its row: a tar that is not the table's is Error(corrupt) naming the file. Thread-safe.
OpenRow open_packed(TablePtr table, UniqueFd tar, std::string name);

}  // namespace cooper::layers
