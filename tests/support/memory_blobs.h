// An oci::BlobStore in memory. Thread-safe. Keeps what was committed, and counts what was only
// begun, so that a test can show that nothing was left behind.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/guarded.h"
#include "oci/blob_store.h"

namespace cooper::tests {

class MemoryBlobs : public oci::BlobStore {
 public:
  bool has(const oci::BlobDigest& digest) override;
  std::unique_ptr<ByteSource> open_blob(const oci::BlobDigest& digest) override;
  std::unique_ptr<oci::BlobWriter> new_blob() override;

  // The bytes of a committed blob; Error(not_found) naming it when absent.
  std::string content(const oci::BlobDigest& digest) const;
  // Adds a blob as it is, without a writer.
  oci::BlobDigest put(std::string content);
  // Changes bytes under an existing digest (damage), for tests of verification.
  void damage(const oci::BlobDigest& digest, std::string content);
  void remove(const oci::BlobDigest& digest);
  std::size_t count() const;         // committed blobs
  std::size_t open_writers() const;  // begun, neither committed nor destroyed
  // The n-th write (from 1, over all writers) throws Error(io); 0: never.
  void fail_at_write(std::size_t n);

  struct State {
    std::map<oci::BlobDigest, std::string> blobs;
    std::size_t open_writers = 0;
    std::size_t writes = 0;
    std::size_t fail_at = 0;
  };

 private:
  std::shared_ptr<Guarded<State>> state_ = std::make_shared<Guarded<State>>();
};

}  // namespace cooper::tests
