// The whole tree of an image: into a directory (OUT-15) or a tar (OUT-18).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "layers/tree.h"

namespace cooper::builder {

// Merges into `destination` (made when missing). Files belong to whoever runs us; modes are kept; with an epoch
// every mtime is that (REPRO-07). Device nodes are left out, as an unprivileged user can't make them. Stopped, it is
// Error(cancelled), and what is there by then stays.
void flatten_to_directory(const layers::Tree& tree, const std::filesystem::path& destination,
                          const std::optional<std::int64_t>& epoch, const std::stop_token& stop = {});

struct TreeInFolder {
  std::string folder;  // "": the tar's root
  std::shared_ptr<const layers::Tree> tree;
};
// The trees with their rootfs's owners, entries in TreePath order.
void flatten_to_tar(const std::vector<TreeInFolder>& trees, const std::optional<std::int64_t>& epoch, ByteSink& out);

}  // namespace cooper::builder
