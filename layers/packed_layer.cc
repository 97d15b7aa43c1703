#include "layers/packed_layer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "base/once.h"
#include "layers/spool.h"
#include "layers/tar_reader.h"
#include "layers/tar_writer.h"

namespace cooper::layers {
namespace {

class Packed {
 public:
  Packed(TablePtr table, UniqueFd tar, std::string name)
      : table_(std::move(table)), tar_(std::move(tar)), name_(std::move(name)) {}

  int fd() const noexcept { return tar_.get(); }
  const std::string& name() const noexcept { return name_; }

  std::uint64_t offset_of(const Entry& file) const {
    once_.run([this] { offsets_ = TarWriter::content_offsets(table_->entries()); });
    const Entry* row = table_->find(file.path);
    if (row == nullptr || row->type != EntryType::file) {
      throw Error(Errc::not_found, cat(name_, ": no file ", file.path.absolute()));
    }
    return offsets_[static_cast<std::size_t>(row - table_->entries().data())];
  }

 private:
  TablePtr table_;
  UniqueFd tar_;
  std::string name_;
  mutable Once once_;
  mutable std::vector<std::uint64_t> offsets_;
};

class PackedFile : public ByteSource {
 public:
  PackedFile(std::shared_ptr<const Packed> packed, std::uint64_t offset, std::uint64_t size_bytes)
      : packed_(std::move(packed)), offset_(offset), left_bytes_(size_bytes) {}

  std::size_t read(std::span<std::byte> into) override {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left_bytes_));
    if (wanted == 0) return 0;
    ssize_t got = -1;
    do {
      got = ::pread(packed_->fd(), into.data(), wanted, static_cast<off_t>(offset_));
    } while (got < 0 && errno == EINTR);
    if (got < 0) throw_errno("reading", packed_->name());
    if (got == 0) throw Error(Errc::corrupt, cat(packed_->name(), " ended early"));
    offset_ += static_cast<std::uint64_t>(got);
    left_bytes_ -= static_cast<std::uint64_t>(got);
    return static_cast<std::size_t>(got);
  }

 private:
  std::shared_ptr<const Packed> packed_;
  std::uint64_t offset_;
  std::uint64_t left_bytes_;
};

// The bytes that a row speaks of, out of a tar that is read up to them. By their digest and not by
// name: of members of one name the last counts, and a first name may have been replaced since.
class Member : public ByteSource {
 public:
  Member(std::unique_ptr<ByteSource> tar, const Entry& row, const std::string& name) {
    if (!row.content) throw Error(Errc::corrupt, cat(name, ": a file without a digest"));
    TarReader reader(std::move(tar), TarLimits{}, name, TarKind::layer);
    while (const auto member = reader.next()) {
      if (member->entry.type != EntryType::file || member->entry.size_bytes != row.size_bytes)
        continue;
      spool_.emplace(nullptr);
      const Spool::Stretch stretch = spool_->append(reader.content());
      NullSink nowhere;
      oci::DigestSink hashed(nowhere);
      copy_all(*spool_->open(stretch), hashed);
      if (hashed.digest() != row.content->value) continue;
      bytes_ = spool_->open(stretch);
      return;
    }
    throw Error(Errc::corrupt, cat(name, ": no such file as ", row.path.absolute()));
  }
  std::size_t read(std::span<std::byte> into) override { return bytes_->read(into); }

 private:
  std::optional<Spool> spool_;
  std::unique_ptr<ByteSource> bytes_;
};

}  // namespace

OpenRow open_in_blob(std::function<std::unique_ptr<ByteSource>()> open_blob, std::string name) {
  return [open_blob = std::move(open_blob), name = std::move(name)](const Entry& row) {
    return std::make_unique<Member>(open_blob(), row, name);
  };
}

OpenRow open_packed(TablePtr table, UniqueFd tar, std::string name) {
  auto packed = std::make_shared<const Packed>(std::move(table), std::move(tar), std::move(name));
  return [packed = std::move(packed)](const Entry& row) -> std::unique_ptr<ByteSource> {
    auto bytes = std::make_unique<PackedFile>(packed, packed->offset_of(row), row.size_bytes);
    if (!row.content) throw Error(Errc::corrupt, cat(packed->name(), ": a file without a digest"));
    return std::make_unique<oci::VerifyingSource>(
        std::move(bytes), row.content->value, row.size_bytes, packed->name() + row.path.absolute());
  };
}

}  // namespace cooper::layers
