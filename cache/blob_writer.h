// A blob on its way into the store.
#pragma once

#include <memory>

#include "cache/ingest.h"
#include "cache/objects.h"
#include "oci/blob_store.h"

namespace cooper::cache {

// Writes a file in our ingest directory, hashing what passes. The references outlive the writer.
std::unique_ptr<oci::BlobWriter> make_blob_writer(const StoreRoot& root, Ingest& ingest,
                                                  Objects& objects);

}  // namespace cooper::cache
