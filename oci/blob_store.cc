#include "oci/blob_store.h"

#include <utility>

#include "base/error.h"

namespace cooper::oci {

std::string read_blob(BlobReader& blobs, const Descriptor& descriptor, std::size_t limit_bytes) {
  const std::string what = cat("blob ", descriptor.digest);
  if (descriptor.size_bytes > limit_bytes) {
    throw Error(Errc::invalid,
                cat(what, " (", descriptor.media_type, ") has ", descriptor.size_bytes,
                    " bytes, more than the ", limit_bytes, " allowed"));
  }
  VerifyingSource source(blobs.open_blob(descriptor.digest), descriptor.digest.value,
                         descriptor.size_bytes, what);
  return read_all(source, limit_bytes, what);
}

Descriptor write_blob(BlobStore& blobs, std::string_view media_type, std::string_view content) {
  Descriptor descriptor;
  descriptor.media_type = media_type;
  descriptor.digest = {sha256(content)};
  descriptor.size_bytes = content.size();
  // A cached build writes what is there already: no file needs to be made for that.
  if (blobs.has(descriptor.digest)) return descriptor;
  const std::unique_ptr<BlobWriter> writer = blobs.new_blob();
  writer->write(as_bytes(content));
  writer->commit(descriptor.digest);
  return descriptor;
}

void copy_blob(BlobReader& from, BlobStore& to, const Descriptor& descriptor) {
  if (to.has(descriptor.digest)) return;
  VerifyingSource source(from.open_blob(descriptor.digest), descriptor.digest.value,
                         descriptor.size_bytes, cat("blob ", descriptor.digest));
  copy_blob(source, to, descriptor.digest);
}

void copy_blob(ByteSource& from, BlobStore& to, const BlobDigest& digest) {
  const std::unique_ptr<BlobWriter> writer = to.new_blob();
  copy_all(from, *writer);
  writer->commit(digest);
}

}  // namespace cooper::oci
