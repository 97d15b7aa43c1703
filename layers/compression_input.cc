#include "layers/compression_input.h"

#include <cstring>
#include <string_view>

#include "base/error.h"
#include "layers/compression.h"

namespace cooper::layers {
namespace {

// bzip2: "BZh", the block size, then the magic of a block or of the end of the stream: a tar may
// well start with a member named BZh9.
constexpr std::size_t kBzip2HeaderBytes = 10;
constexpr std::string_view kBzip2Block("\x31\x41\x59\x26\x53\x59", 6);
constexpr std::string_view kBzip2End("\x17\x72\x45\x38\x50\x90", 6);

bool is_gzip(std::string_view head) {
  return head.starts_with("\x1f\x8b\x08");
}

bool is_bzip2(std::string_view head) {
  if (head.size() < kBzip2HeaderBytes || !head.starts_with("BZh")) return false;
  if (head[3] < '1' || head[3] > '9') return false;
  const std::string_view magic = head.substr(4, 6);
  return magic == kBzip2Block || magic == kBzip2End;
}

bool is_xz(std::string_view head) {
  return head.starts_with(
      std::string_view("\xfd"
                       "7zXZ\0",
                       6));
}

// A frame, or a skippable frame before one (RFC 8878, 3.1.1 and 3.1.2).
bool is_zstd(std::string_view head) {
  if (head.starts_with("\x28\xb5\x2f\xfd")) return true;
  return head.size() >= 4 && (head[0] & 0xf0) == 0x50 && head.substr(1, 3) == "\x2a\x4d\x18";
}

class PlainReader : public ByteSource {
 public:
  explicit PlainReader(CompressedInput input) : input_(std::move(input)) {}
  std::size_t read(std::span<std::byte> into) override {
    const Bytes have = input_.available();
    const std::size_t part = std::min(have.size(), into.size());
    if (part > 0) std::memcpy(into.data(), have.data(), part);
    input_.consume(part);
    return part;
  }

 private:
  CompressedInput input_;
};

}  // namespace

CompressedInput::CompressedInput(std::unique_ptr<ByteSource> source, std::string what)
    : source_(std::move(source)), what_(std::move(what)), buffer_(kCopyBufferBytes) {}

void CompressedInput::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const std::size_t got = source_->read(std::span(buffer_).subspan(end_));
  ended_ = got == 0;
  end_ += got;
}

Bytes CompressedInput::available() {
  return peek(1);
}

Bytes CompressedInput::peek(std::size_t count) {
  while (end_ - begin_ < count && !ended_) fill();
  return Bytes(buffer_).subspan(begin_, end_ - begin_);
}

void CompressedInput::damaged(std::string_view how) const {
  throw Error(Errc::corrupt, cat(what_, ": ", how));
}

std::unique_ptr<ByteSource> make_decompressor(std::unique_ptr<ByteSource> compressed,
                                              std::string what) {
  CompressedInput input(std::move(compressed), std::move(what));
  const std::string_view head = as_text(input.peek(kBzip2HeaderBytes));
  if (is_gzip(head)) return make_gzip_reader(std::move(input));
  if (is_zstd(head)) return make_zstd_reader(std::move(input));
  if (is_bzip2(head) || is_xz(head)) return make_archive_filter_reader(std::move(input));
  return std::make_unique<PlainReader>(std::move(input));
}

}  // namespace cooper::layers
