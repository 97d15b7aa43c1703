#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/error.h"
#include "oci/archive_tar.h"

namespace cooper::oci {
namespace {

constexpr std::uint64_t kMaxEntries = 100'000;
constexpr std::uint64_t kMaxNameBytes = 4096;
constexpr std::uint64_t kMaxPaxBytes = 1 << 20;
constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 62;
constexpr std::uint64_t kMaxTrailerBytes = 1 << 20;

[[noreturn]] void corrupt(std::string_view why) {
  throw Error(Errc::corrupt, cat("damaged tar archive: ", why));
}

// A field of text: up to its first NUL.
std::string_view field(std::string_view block, std::size_t at, std::size_t width) {
  const std::string_view text = block.substr(at, width);
  return text.substr(0, text.find('\0'));
}

std::uint64_t read_number(std::string_view text, std::string_view what) {
  std::uint64_t number = 0;
  if ((static_cast<unsigned char>(text[0]) & 0x80) != 0) {  // base 256 (GNU tar)
    if (static_cast<unsigned char>(text[0]) != 0x80)
      corrupt(cat(what, " is negative or too large"));
    for (const char byte : text.substr(1)) {
      if (number >= kMaxFileBytes >> 8) corrupt(cat(what, " is too large"));
      number = number << 8 | static_cast<unsigned char>(byte);
    }
    return number;
  }
  text = text.substr(0, text.find('\0'));
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  for (const char digit : text) {
    if (digit < '0' || digit > '7') corrupt(cat(what, " is not an octal number"));
    number = number << 3 | static_cast<std::uint64_t>(digit - '0');
  }
  return number;
}

std::uint64_t read_decimal(std::string_view text, std::string_view what) {
  std::uint64_t number = 0;
  if (text.empty() || text.size() > 19) corrupt(cat(what, " is not a number"));
  for (const char digit : text) {
    if (digit < '0' || digit > '9') corrupt(cat(what, " is not a number"));
    number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  if (number > kMaxFileBytes) corrupt(cat(what, " is too large"));
  return number;
}

void check_sum(std::string_view block) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(block[i]);
  }
  if (sum != read_number(block.substr(148, 8), "a checksum"))
    corrupt("a header's checksum is wrong");
}

bool is_zero(std::string_view block) {
  return std::all_of(block.begin(), block.end(), [](char byte) { return byte == '\0'; });
}

std::string ustar_name(std::string_view block) {
  const std::string name(field(block, 0, 100));
  if (block.substr(257, 6) != std::string_view("ustar\0", 6)) return name;  // GNU or v7: no prefix
  const std::string_view prefix = field(block, 345, 155);
  return prefix.empty() ? name : cat(prefix, "/", name);
}

ArchiveEntry::Kind kind_of(char type) {
  switch (type) {
    case '0':
    case '\0':
    case '7':
      return ArchiveEntry::Kind::file;
    case '1':
      return ArchiveEntry::Kind::hard_link;
    case '2':
      return ArchiveEntry::Kind::symlink;
    case '5':
      return ArchiveEntry::Kind::directory;
    default:
      return ArchiveEntry::Kind::other;
  }
}

// Links, devices and directories carry no content whatever their size field says.
bool carries_content(char type) {
  return type < '1' || type > '6';
}

// People hand over docker-save output they compressed; say so instead of "checksum wrong".
void refuse_compressed(std::string_view block) {
  using namespace std::string_view_literals;
  constexpr std::pair<std::string_view, std::string_view> kMagics[] = {
      {"\x1f\x8b"sv, "gzip"},
      {"\x28\xb5\x2f\xfd"sv, "zstd"},
      {"BZh"sv, "bzip2"},
      {"\xfd\x37zXZ\0"sv, "xz"}};
  for (const auto& [magic, name] : kMagics) {
    if (block.starts_with(magic)) {
      throw Error(Errc::invalid, cat("the archive is compressed with ", name,
                                     "; decompress it first, for example with ", name, " -d"));
    }
  }
}

}  // namespace

void ArchiveTarReader::read_block(Block& block) {
  std::size_t have = 0;
  while (have < block.size()) {
    const std::size_t got = in_.read(std::span(block).subspan(have));
    if (got == 0) {
      if (first_ && have > 0) refuse_compressed(as_text(Bytes(block).first(have)));
      corrupt("it ends too early");
    }
    have += got;
  }
  if (std::exchange(first_, false)) refuse_compressed(as_text(block));
}

std::size_t ArchiveTarReader::read(std::span<std::byte> into) {
  if (left_bytes_ == 0) return 0;
  const std::size_t wanted =
      static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left_bytes_));
  const std::size_t got = in_.read(into.first(wanted));
  if (got == 0) corrupt("it ends too early");
  left_bytes_ -= got;
  return got;
}

void ArchiveTarReader::skip_content() {
  std::array<std::byte, 16 * 1024> buffer;
  left_bytes_ += std::exchange(padding_bytes_, 0);
  while (read(buffer) != 0) {
  }
}

void ArchiveTarReader::drain() {
  std::array<std::byte, 16 * 1024> buffer;
  std::uint64_t drained = 0;
  while (drained < kMaxTrailerBytes) {
    const std::size_t got = in_.read(buffer);
    if (got == 0) return;
    drained += got;
  }
}

std::string ArchiveTarReader::read_text_content(std::uint64_t size_bytes, std::string_view what) {
  if (size_bytes > kMaxPaxBytes) corrupt(cat(what, " is too large"));
  std::string text = read_all(*this, static_cast<std::size_t>(size_bytes), what);
  skip_content();
  return text;
}

// POSIX pax, "pax Extended Header": records of "length key=value\n".
void ArchiveTarReader::read_pax(std::uint64_t size_bytes) {
  const std::string text = read_text_content(size_bytes, "a PAX header");
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t space = rest.find(' ');
    if (space == std::string_view::npos) corrupt("a PAX record has no length");
    const std::uint64_t length = read_decimal(rest.substr(0, space), "the length of a PAX record");
    if (length <= space + 1 || length > rest.size() || rest[length - 1] != '\n') {
      corrupt("the length of a PAX record is wrong");
    }
    const std::string_view record = rest.substr(space + 1, length - space - 2);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos || equals == 0) corrupt("a PAX record has no key");
    pax_.insert_or_assign(std::string(record.substr(0, equals)),
                          std::string(record.substr(equals + 1)));
    rest.remove_prefix(length);
  }
}

std::optional<ArchiveEntry> ArchiveTarReader::next() {
  Block block;
  const std::string_view text = as_text(block);
  while (!ended_) {
    skip_content();
    read_block(block);
    if (is_zero(text)) {
      read_block(block);
      if (!is_zero(text)) corrupt("a single zero block amid it");
      if (!pax_.empty() || long_name_ || long_link_) corrupt("it ends after an extended header");
      ended_ = true;
      drain();
      break;
    }
    check_sum(text);
    if (++entries_ > kMaxEntries) corrupt(cat("more than ", kMaxEntries, " entries"));
    const char type = text[156];
    std::uint64_t size_bytes = read_number(text.substr(124, 12), "a size");
    const bool meta = type == 'x' || type == 'g' || type == 'L' || type == 'K';
    if (!meta && pax_.contains("size")) size_bytes = read_decimal(pax_["size"], "a size");
    if (size_bytes > kMaxFileBytes) corrupt("a size is too large");
    left_bytes_ = carries_content(type) ? size_bytes : 0;
    padding_bytes_ = (kTarBlockBytes - left_bytes_ % kTarBlockBytes) % kTarBlockBytes;
    if (type == 'x') {
      read_pax(size_bytes);
    } else if (type == 'L' || type == 'K') {
      std::string name = read_text_content(size_bytes, "a long name");
      name.resize(std::min(name.size(), name.find('\0')));
      (type == 'L' ? long_name_ : long_link_) = std::move(name);
    } else if (type != 'g') {
      return take_entry(text);
    }
  }
  return std::nullopt;
}

// The entry of a header block, with what the extended headers before it said.
ArchiveEntry ArchiveTarReader::take_entry(std::string_view block) {
  const char type = block[156];
  if (type == 'S' || pax_.contains("GNU.sparse.major") || pax_.contains("GNU.sparse.map")) {
    throw Error(Errc::unsupported, "the archive holds a sparse file, which is not supported");
  }
  ArchiveEntry entry;
  entry.kind = kind_of(type);
  entry.name = long_name_ ? *long_name_ : ustar_name(block);
  entry.link_target = long_link_ ? *long_link_ : std::string(field(block, 157, 100));
  if (const auto path = pax_.find("path"); path != pax_.end()) entry.name = path->second;
  if (const auto link = pax_.find("linkpath"); link != pax_.end()) entry.link_target = link->second;
  if (entry.name.size() > kMaxNameBytes || entry.link_target.size() > kMaxNameBytes) {
    corrupt(cat("a name is longer than ", kMaxNameBytes, " bytes"));
  }
  // Before POSIX, a directory was a file whose name ends in a slash.
  if (entry.kind == ArchiveEntry::Kind::file && entry.name.ends_with('/')) {
    entry.kind = ArchiveEntry::Kind::directory;
  }
  if (entry.kind == ArchiveEntry::Kind::file) entry.size_bytes = left_bytes_;
  pax_.clear();
  long_name_.reset();
  long_link_.reset();
  return entry;
}

}  // namespace cooper::oci
