#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "oci/archive_tar.h"

namespace cooper::oci {
namespace {

constexpr std::uint64_t kOctalLimit = 1ULL << 33;  // 11 octal digits: 8 GiB

using Header = std::array<char, kTarBlockBytes>;

void put(Header& header, std::size_t at, std::string_view text) {
  std::copy(text.begin(), text.end(), header.begin() + static_cast<std::ptrdiff_t>(at));
}

// Octal digits to fill `width`, the last byte staying NUL.
void put_octal(Header& header, std::size_t at, std::size_t width, std::uint64_t number) {
  for (std::size_t i = width - 1; i-- > 0; number >>= 3) {
    header[at + i] = static_cast<char>('0' + (number & 7));
  }
}

// Larger sizes in base 256, marked by the top bit (GNU tar, understood by Go, libarchive, busybox).
void put_size(Header& header, std::uint64_t size_bytes) {
  constexpr std::size_t kAt = 124;
  constexpr std::size_t kWidth = 12;
  if (size_bytes < kOctalLimit) return put_octal(header, kAt, kWidth, size_bytes);
  for (std::size_t i = kWidth; i-- > 1; size_bytes >>= 8) {
    header[kAt + i] = static_cast<char>(size_bytes & 0xff);
  }
  header[kAt] = static_cast<char>(0x80);
}

}  // namespace

void ArchiveTarWriter::write_header(std::string_view name, char type, std::uint64_t size_bytes) {
  if (name.empty() || name.size() > 100) {
    throw Error(Errc::invalid, cat("\"", name, "\" does not fit into a tar header"));
  }
  Header header{};
  put(header, 0, name);
  put_octal(header, 100, 8, type == '5' ? 0755 : 0644);
  put_octal(header, 108, 8, 0);  // uid
  put_octal(header, 116, 8, 0);  // gid
  put_size(header, size_bytes);
  put_octal(header, 136, 12, 0);  // mtime
  put(header, 148, "        ");   // the checksum counts itself as spaces
  header[156] = type;
  put(header, 257, std::string_view("ustar\00000", 8));
  put_octal(header, 329, 8, 0);  // devmajor
  put_octal(header, 337, 8, 0);  // devminor
  std::uint64_t sum = 0;
  for (const char byte : header) sum += static_cast<unsigned char>(byte);
  put_octal(header, 148, 7, sum);  // six digits, NUL, space
  header[154] = '\0';
  out_.write(as_bytes(std::string_view(header.data(), header.size())));
}

void ArchiveTarWriter::pad(std::uint64_t size_bytes) {
  static constexpr std::array<std::byte, kTarBlockBytes> kZeros{};
  const std::size_t over = static_cast<std::size_t>(size_bytes % kTarBlockBytes);
  if (over != 0) out_.write(Bytes(kZeros).first(kTarBlockBytes - over));
}

void ArchiveTarWriter::add_directory(std::string_view name) {
  write_header(name, '5', 0);
}

void ArchiveTarWriter::add_file(std::string_view name, std::string_view content) {
  write_header(name, '0', content.size());
  out_.write(as_bytes(content));
  pad(content.size());
}

void ArchiveTarWriter::add_file(std::string_view name, std::uint64_t size_bytes,
                                ByteSource& content) {
  write_header(name, '0', size_bytes);
  CountingSink counted(out_);
  copy_all(content, counted);
  if (counted.count() != size_bytes) {
    throw Error(Errc::corrupt,
                cat(name, " has ", counted.count(), " bytes instead of ", size_bytes));
  }
  pad(size_bytes);
}

void ArchiveTarWriter::close() {
  static constexpr std::array<std::byte, 2 * kTarBlockBytes> kZeros{};
  out_.write(kZeros);
}

}  // namespace cooper::oci
