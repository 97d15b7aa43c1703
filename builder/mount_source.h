// What a bind mount shows, or a cache mount begins with: one path of a tree, links resolved inside it (MNT-09, MNT-11,
// MNT-12). Private to the executor.
#pragma once

#include <memory>
#include <string>

#include "layers/copy.h"

namespace cooper::builder {

struct MountSource {
  layers::Selection selection;  // of one source
  // Names, types, modes, owners, link targets and bytes of that path and what is beneath, without times: the mount's
  // part of the step's key. Nothing else of the tree is looked at.
  oci::ContentDigest content;

  const layers::Entry& top() const { return selection.sources.front().top; }
  bool is_directory() const { return selection.sources.front().is_directory; }
};

// Error(not_found) `"/x": not found`.
MountSource select_mount_source(std::shared_ptr<const layers::Tree> tree, const std::string& path);

}  // namespace cooper::builder
