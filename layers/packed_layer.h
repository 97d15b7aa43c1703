// A layer that is read where it lies: files out of an uncompressed tar of our own making, without
// unpacking it. What is fetched for a build (git checkouts, downloads, unpacked contexts) is kept so:
// COPY reads it with no directory, no namespace and no second copy.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "layers/tree.h"

namespace cooper::layers {

// `table` as LayerWriter made it together with `tar` (Compression::none). Every file is held to the
// digest in its row: a tar that is not the table's is Error(corrupt) naming the file. Thread-safe.
OpenRow open_packed(TablePtr table, UniqueFd tar, std::string name);

// The same out of a layer's blob of any origin and compression, which is read up to the file: for
// the odd file of a layer that nobody unpacked. open_blob: opened anew for each file.
OpenRow open_in_blob(std::function<std::unique_ptr<ByteSource>()> open_blob, std::string name);

}  // namespace cooper::layers
