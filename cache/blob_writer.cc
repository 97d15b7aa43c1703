#include "cache/blob_writer.h"

#include <fcntl.h>

#include "base/error.h"
#include "cache/disk_full.h"

namespace cooper::cache {
namespace {

class FileBlobWriter final : public oci::BlobWriter {
 public:
  FileBlobWriter(const StoreRoot& root, Ingest& ingest, Objects& objects, Checksums& checksums)
      : store_(root.label()),
        objects_(objects),
        checksums_(checksums),
        directory_(ingest.dir()),
        name_(ingest.fresh_name("blob-")),
        file_(directory_.open_file(name_, O_RDWR | O_CREAT | O_EXCL, 0444)),
        out_(file_.get(), cat(store_, "/", name_.str())) {}

  ~FileBlobWriter() override {
    if (committed_) return;
    try {
      directory_.unlink(name_);
    } catch (const Error&) {
      // Swept with the whole ingest directory.
    }
  }

  void write(Bytes bytes) override {
    hasher_.update(bytes);
    checksum_.update(bytes);
    telling_disk_full(store_, [&] { out_.write(bytes); });
    size_bytes_ += bytes.size();
  }

  std::pair<oci::BlobDigest, std::uint64_t> commit(
      const std::optional<oci::BlobDigest>& expected) override {
    const oci::BlobDigest digest{hasher_.finish()};
    if (expected && *expected != digest) {
      throw Error(Errc::corrupt,
                  cat("the bytes received have digest ", digest, ", expected ", *expected));
    }
    objects_.publish({ObjectKind::blob, digest.value}, {size_bytes_, digest.value}, file_, name_);
    committed_ = true;
    checksums_.with([&](auto& checksums) { checksums.emplace(digest, checksum_); });
    return {digest, size_bytes_};
  }

 private:
  std::string store_;
  Objects& objects_;
  Checksums& checksums_;
  Dir directory_;
  TreePath name_;
  UniqueFd file_;
  FdSink out_;
  oci::Sha256 hasher_;
  oci::Checksum checksum_;
  std::uint64_t size_bytes_ = 0;
  bool committed_ = false;
};

}  // namespace

std::unique_ptr<oci::BlobWriter> make_blob_writer(const StoreRoot& root, Ingest& ingest,
                                                  Objects& objects, Checksums& checksums) {
  return telling_disk_full(root.label(), [&] {
    return std::make_unique<FileBlobWriter>(root, ingest, objects, checksums);
  });
}

}  // namespace cooper::cache
