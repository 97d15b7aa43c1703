// Buffered bytes in front of a decoder: they can be looked at before they are taken.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/byte_stream.h"

namespace cooper::layers {

class CompressedInput {
 public:
  CompressedInput(std::unique_ptr<ByteSource> source, std::string what);

  // What is buffered; reads more first when there is nothing. Empty: the end.
  Bytes available();
  // At least count bytes (at most the buffer's size) unless the end comes before.
  Bytes peek(std::size_t count);
  void consume(std::size_t count) { begin_ += count; }
  const std::string& what() const noexcept { return what_; }
  [[noreturn]] void damaged(std::string_view how) const;  // Error(corrupt) naming what

 private:
  void fill();

  std::unique_ptr<ByteSource> source_;
  std::string what_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool ended_ = false;
};

// Decoders, by format. All members or frames of the input one after the other.
std::unique_ptr<ByteSource> make_gzip_reader(CompressedInput input);
std::unique_ptr<ByteSource> make_zstd_reader(CompressedInput input);
std::unique_ptr<ByteSource> make_archive_filter_reader(CompressedInput input);  // bzip2, xz

}  // namespace cooper::layers
