#include "oci/blob_store.h"

#include "tests/oci/expect_error.h"
#include "tests/support/memory_blobs.h"

namespace cooper::oci {
namespace {

using tests::expect_error;
using tests::MemoryBlobs;

TEST(BlobStore, write_and_read_whole_blobs) {
  MemoryBlobs blobs;
  const Descriptor descriptor = write_blob(blobs, kConfigType, "{}");
  EXPECT_EQ(descriptor.media_type, kConfigType);
  EXPECT_EQ(descriptor.digest.value, sha256("{}"));
  EXPECT_EQ(descriptor.size_bytes, 2U);
  EXPECT_EQ(read_blob(blobs, descriptor, 2), "{}");
}

TEST(BlobStore, what_is_there_is_not_written_again) {
  MemoryBlobs blobs;
  const Descriptor first = write_blob(blobs, kConfigType, "{}");
  blobs.fail_at_write(1);
  EXPECT_EQ(write_blob(blobs, kConfigType, "{}").digest, first.digest);
  expect_error(Errc::io, "refuses", [&] { write_blob(blobs, kConfigType, "[]"); });
}

TEST(BlobStore, reading_verifies_and_limits) {
  MemoryBlobs blobs;
  Descriptor descriptor = write_blob(blobs, kConfigType, "{}");
  expect_error(Errc::invalid, "more than the 1 allowed", [&] { read_blob(blobs, descriptor, 1); });
  descriptor.size_bytes = 1;
  expect_error(Errc::corrupt, descriptor.digest.str(), [&] { read_blob(blobs, descriptor, 100); });
  descriptor.size_bytes = 3;
  expect_error(Errc::corrupt, descriptor.digest.str(), [&] { read_blob(blobs, descriptor, 100); });
  descriptor.size_bytes = 2;
  blobs.damage(descriptor.digest, "[]");
  expect_error(Errc::corrupt, descriptor.digest.str(), [&] { read_blob(blobs, descriptor, 100); });
  blobs.remove(descriptor.digest);
  expect_error(Errc::not_found, descriptor.digest.str(),
               [&] { read_blob(blobs, descriptor, 100); });
}

TEST(BlobStore, copying_verifies_and_skips_what_is_there) {
  MemoryBlobs from;
  MemoryBlobs to;
  const Descriptor descriptor = write_blob(from, kLayerTarType, std::string(1'000'000, 'x'));
  copy_blob(from, to, descriptor);
  EXPECT_EQ(to.content(descriptor.digest), from.content(descriptor.digest));
  from.remove(descriptor.digest);
  EXPECT_NO_THROW(copy_blob(from, to, descriptor));
}

TEST(BlobStore, a_failed_copy_leaves_nothing) {
  MemoryBlobs from;
  const Descriptor descriptor = write_blob(from, kLayerTarType, std::string(1'000'000, 'x'));
  for (std::size_t write = 1; write <= 4; ++write) {
    MemoryBlobs to;
    to.fail_at_write(write);
    expect_error(Errc::io, "refuses", [&] { copy_blob(from, to, descriptor); });
    EXPECT_EQ(to.count() + to.open_writers(), 0U);
  }
  from.damage(descriptor.digest, std::string(1'000'000, 'y'));
  MemoryBlobs to;
  expect_error(Errc::corrupt, descriptor.digest.str(), [&] { copy_blob(from, to, descriptor); });
  EXPECT_EQ(to.count() + to.open_writers(), 0U);
}

}  // namespace
}  // namespace cooper::oci
