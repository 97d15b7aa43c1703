// Image archives read into a blob store (`cooper load`): OCI layouts as tar (buildx, cooper, docker
// save of engine 25 and later) and the older docker save with manifest.json only (also skopeo,
// podman, kaniko).
#pragma once

#include <vector>

#include "base/byte_stream.h"
#include "oci/blob_store.h"
#include "oci/reference.h"

namespace cooper::oci {

struct LoadedImage {
  Descriptor root;               // manifest or index, now in the store; carries no name annotation
  std::vector<Reference> names;  // may be empty
};

// One pass, nothing in memory but names and the small documents. Every blob is checked against its
// name as it enters, every image for completeness; of an index at least one platform must be there
// (an engine saves the platforms it has). An old docker archive becomes an OCI manifest over its
// layers as they are. What was stored before a failure stays in the store, unreferenced.
// Error(invalid): no image archive, or a compressed one. Error(corrupt): a damaged or incomplete
// one.
std::vector<LoadedImage> load_archive(ByteSource& archive, BlobStore& into);

}  // namespace cooper::oci
