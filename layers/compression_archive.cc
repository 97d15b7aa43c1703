// bzip2 and xz by libarchive's filters over its "raw" format: one member that is the decoded
// stream.

#include <archive.h>
#include <archive_entry.h>

#include <cerrno>
#include <exception>
#include <new>

#include "base/error.h"
#include "layers/compression_input.h"

namespace cooper::layers {
namespace {

struct ArchiveFree {
  void operator()(archive* handle) const noexcept { archive_read_free(handle); }
};

class ArchiveFilterReader : public ByteSource {
 public:
  explicit ArchiveFilterReader(CompressedInput input)
      : input_(std::move(input)), archive_(archive_read_new()) {
    if (!archive_) throw std::bad_alloc();
    check(archive_read_support_filter_bzip2(archive_.get()));
    check(archive_read_support_filter_xz(archive_.get()));
    check(archive_read_support_format_raw(archive_.get()));
    // The raw format refuses an empty stream; "empty" takes it.
    check(archive_read_support_format_empty(archive_.get()));
    check(archive_read_open(archive_.get(), this, nullptr, &ArchiveFilterReader::pull, nullptr));
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(archive_.get(), &entry);
    if (result == ARCHIVE_EOF) {
      ended_ = true;
    } else {
      check(result);
      // A head too short for the library's taste would pass as plain text.
      if (archive_filter_code(archive_.get(), 0) == ARCHIVE_FILTER_NONE) {
        input_.damaged("truncated compressed data");
      }
    }
  }

  std::size_t read(std::span<std::byte> into) override {
    if (ended_) return 0;
    const la_ssize_t got = archive_read_data(archive_.get(), into.data(), into.size());
    if (failure_) std::rethrow_exception(failure_);
    if (got < 0) fail();
    ended_ = got == 0;
    return static_cast<std::size_t>(got);
  }

 private:
  static la_ssize_t pull(archive* handle, void* self, const void** buffer) {
    return static_cast<ArchiveFilterReader*>(self)->pull_block(handle, buffer);
  }

  la_ssize_t pull_block(archive* handle, const void** buffer) noexcept {
    try {
      input_.consume(lent_);
      const Bytes have = input_.available();
      lent_ = have.size();
      *buffer = have.data();
      return static_cast<la_ssize_t>(have.size());
    } catch (...) {  // carried across the C library
      failure_ = std::current_exception();
      archive_set_error(handle, EIO, "reading failed");
      return ARCHIVE_FATAL;
    }
  }

  void check(int result) {
    if (failure_) std::rethrow_exception(failure_);
    if (result < ARCHIVE_WARN) fail();
  }

  [[noreturn]] void fail() {
    const char* text = archive_error_string(archive_.get());
    input_.damaged(cat("damaged compressed data: ", text != nullptr ? text : "unknown reason"));
  }

  CompressedInput input_;
  std::size_t lent_ = 0;  // what the library is still looking at
  std::exception_ptr failure_;
  std::unique_ptr<archive, ArchiveFree> archive_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> make_archive_filter_reader(CompressedInput input) {
  return std::make_unique<ArchiveFilterReader>(std::move(input));
}

}  // namespace cooper::layers
