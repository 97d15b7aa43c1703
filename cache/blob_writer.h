// A blob on its way into the store.
#pragma once

#include <map>
#include <memory>

#include "base/guarded.h"
#include "cache/ingest.h"
#include "cache/objects.h"
#include "oci/blob_store.h"

namespace cooper::cache {

// Of every blob that a store object wrote.
using Checksums = Guarded<std::map<oci::BlobDigest, oci::Checksum>>;

// Writes a file in our ingest directory, hashing what passes. The references outlive the writer.
std::unique_ptr<oci::BlobWriter> make_blob_writer(const StoreRoot& root, Ingest& ingest,
                                                  Objects& objects, Checksums& checksums);

}  // namespace cooper::cache
