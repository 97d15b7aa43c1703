// The seam between "bytes named by digest" and whoever keeps them: the local store (cache), an OCI
// layout on disk, a registry. Implementations are safe to call from several threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/byte_stream.h"
#include "oci/descriptor.h"

namespace cooper::oci {

class BlobReader {
 public:
  virtual ~BlobReader() = default;
  virtual bool has(const BlobDigest& digest) = 0;
  // The bytes, unverified (wrap in VerifyingSource when they come from outside).
  // Error(not_found) naming the digest when absent.
  virtual std::unique_ptr<ByteSource> open_blob(const BlobDigest& digest) = 0;
  // Of the bytes that have this digest, if this process found that out itself: they need not be hashed
  // again to see whether they are still the same.
  virtual std::optional<Checksum> checksum_of(const BlobDigest&) { return std::nullopt; }
};

// A blob being written; nothing is visible before commit, and destruction without it leaves
// nothing.
class BlobWriter : public ByteSink {
 public:
  // Publishes what was written and returns its digest and size. With `expected`, a different digest
  // is Error(corrupt) naming both, and nothing is published. Called once. Idempotent against a blob
  // that exists already.
  virtual std::pair<BlobDigest, std::uint64_t> commit(
      const std::optional<BlobDigest>& expected) = 0;
};

class BlobStore : public BlobReader {
 public:
  virtual std::unique_ptr<BlobWriter> new_blob() = 0;
};

// Whole-blob helpers.
std::string read_blob(BlobReader& blobs, const Descriptor& descriptor, std::size_t limit_bytes);
Descriptor write_blob(BlobStore& blobs, std::string_view media_type, std::string_view content);
// Streams one blob across, verified on the way; nothing to do when `to` has it.
void copy_blob(BlobReader& from, BlobStore& to, const Descriptor& descriptor);
// The same of a source that is read to its end; whether it is `digest` is found out.
void copy_blob(ByteSource& from, BlobStore& to, const BlobDigest& digest);

}  // namespace cooper::oci
