// What an image is made of: the objects and trees that a name keeps.
#pragma once

#include <vector>

#include "cache/objects.h"
#include "oci/descriptor.h"
#include "oci/digest.h"

namespace cooper::cache {

inline constexpr std::size_t kDocumentLimitBytes = std::size_t{64} * 1024 * 1024;

struct Reached {
  std::vector<ObjectId> objects;    // each once; a document before what it points to
  std::vector<oci::Digest> chains;  // chainIDs of the trees of its layers, whatever the mapping
};

// Follows indexes, manifests and configurations as far as they are here and can be read. Notes no
// use.
Reached reach(Objects& objects, const oci::Descriptor& root);

}  // namespace cooper::cache
