#include "tests/support/memory_blobs.h"

#include "base/error.h"

namespace cooper::tests {
namespace {

class MemoryWriter : public oci::BlobWriter {
 public:
  explicit MemoryWriter(std::shared_ptr<Guarded<MemoryBlobs::State>> shared)
      : state_(std::move(shared)) {
    state_->with([](MemoryBlobs::State& state) { ++state.open_writers; });
  }
  ~MemoryWriter() override {
    state_->with([](MemoryBlobs::State& state) { --state.open_writers; });
  }

  void write(Bytes bytes) override {
    state_->with([](MemoryBlobs::State& state) {
      if (++state.writes == state.fail_at)
        throw Error(Errc::io, "the blob store refuses the write");
    });
    text_.append(as_text(bytes));
  }

  std::pair<oci::BlobDigest, std::uint64_t> commit(
      const std::optional<oci::BlobDigest>& expected) override {
    const oci::BlobDigest digest{oci::sha256(text_)};
    if (expected && *expected != digest) {
      throw Error(Errc::corrupt, cat("expected ", *expected, " but got ", digest));
    }
    const std::uint64_t size = text_.size();
    state_->with([&](MemoryBlobs::State& state) { state.blobs.emplace(digest, std::move(text_)); });
    return {digest, size};
  }

 private:
  std::shared_ptr<Guarded<MemoryBlobs::State>> state_;
  std::string text_;
};

}  // namespace

bool MemoryBlobs::has(const oci::BlobDigest& digest) {
  return state_->with([&](State& state) { return state.blobs.contains(digest); });
}

std::unique_ptr<ByteSource> MemoryBlobs::open_blob(const oci::BlobDigest& digest) {
  return std::make_unique<MemorySource>(content(digest));
}

std::unique_ptr<oci::BlobWriter> MemoryBlobs::new_blob() {
  return std::make_unique<MemoryWriter>(state_);
}

std::string MemoryBlobs::content(const oci::BlobDigest& digest) const {
  return state_->with([&](State& state) {
    const auto found = state.blobs.find(digest);
    if (found == state.blobs.end()) throw Error(Errc::not_found, cat("no blob ", digest));
    return found->second;
  });
}

oci::BlobDigest MemoryBlobs::put(std::string content) {
  const oci::BlobDigest digest{oci::sha256(content)};
  state_->with([&](State& state) { state.blobs.insert_or_assign(digest, std::move(content)); });
  return digest;
}

void MemoryBlobs::damage(const oci::BlobDigest& digest, std::string content) {
  state_->with([&](State& state) { state.blobs.insert_or_assign(digest, std::move(content)); });
}

void MemoryBlobs::remove(const oci::BlobDigest& digest) {
  state_->with([&](State& state) { state.blobs.erase(digest); });
}

std::size_t MemoryBlobs::count() const {
  return state_->with([](State& state) { return state.blobs.size(); });
}

std::size_t MemoryBlobs::open_writers() const {
  return state_->with([](State& state) { return state.open_writers; });
}

void MemoryBlobs::fail_at_write(std::size_t n) {
  state_->with([n](State& state) {
    state.writes = 0;
    state.fail_at = n;
  });
}

}  // namespace cooper::tests
