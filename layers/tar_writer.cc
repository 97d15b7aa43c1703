#include "layers/tar_writer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace cooper::layers {
namespace {

constexpr std::size_t kBlockBytes = 512;
constexpr std::size_t kBufferBytes = 256 * 1024;
constexpr std::size_t kNameBytes = 100;
constexpr std::size_t kPrefixBytes = 155;
constexpr std::uint64_t kMaxId = (std::uint64_t{1} << 21) - 1;    // seven octal digits
constexpr std::uint64_t kMaxSize = (std::uint64_t{1} << 33) - 1;  // eleven octal digits
constexpr std::string_view kExtendedPrefix = "PaxHeaders.0/";
constexpr std::uint32_t kExtendedMode = 0644;

char type_flag(EntryType type) {
  switch (type) {
    case EntryType::file:
    case EntryType::whiteout:
      return '0';
    case EntryType::hard_link:
      return '1';
    case EntryType::symlink:
      return '2';
    case EntryType::char_device:
      return '3';
    case EntryType::block_device:
      return '4';
    case EntryType::directory:
      return '5';
    case EntryType::fifo:
      return '6';
  }
  throw Error(Errc::invalid, "an entry has no tar type");
}

std::string member_name(const Entry& entry) {
  if (entry.type == EntryType::directory) {
    return entry.path.is_root() ? "./" : entry.path.str() + "/";
  }
  if (entry.path.is_root()) throw Error(Errc::invalid, "the root of a layer must be a directory");
  if (entry.type != EntryType::whiteout) return entry.path.str();
  const TreePath parent = entry.path.parent();
  return parent.child(cat(kWhiteoutPrefix, entry.path.name())).str();
}

// The split of a long name into prefix and name: at the last '/' that leaves both within bounds.
std::optional<std::size_t> split_at(std::string_view name) {
  std::size_t slash = name.rfind('/', std::min(kPrefixBytes, name.size() - 2));
  if (slash == std::string_view::npos || slash == 0) return std::nullopt;
  if (name.size() - slash - 1 > kNameBytes) return std::nullopt;
  return slash;
}

// "<length> <keyword>=<value>\n", where the length counts itself.
std::string pax_record(const std::string& keyword, const std::string& value) {
  const std::size_t rest = keyword.size() + value.size() + 3;
  std::size_t total = rest + std::to_string(rest).size();
  total = rest + std::to_string(total).size();
  return cat(std::to_string(total), ' ', keyword, '=', value, '\n');
}

}  // namespace

struct TarWriter::Header {
  std::string name;
  std::string link_name;
  std::uint32_t mode = 0;
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::uint64_t size_bytes = 0;
  std::uint64_t mtime_s = 0;
  std::uint64_t device_major = 0;
  std::uint64_t device_minor = 0;
  char type = '0';
};

TarWriter::TarWriter(ByteSink& out) : out_(out), buffer_(kBufferBytes) {}

void TarWriter::flush() {
  if (used_ == 0) return;
  const std::size_t used = std::exchange(used_, 0);
  out_.write(Bytes(buffer_).first(used));
}

void TarWriter::put(Bytes bytes) {
  while (!bytes.empty()) {
    if (used_ == buffer_.size()) flush();
    const std::size_t part = std::min(bytes.size(), buffer_.size() - used_);
    std::memcpy(buffer_.data() + used_, bytes.data(), part);
    used_ += part;
    bytes = bytes.subspan(part);
  }
}

void TarWriter::pad(std::uint64_t written_bytes) {
  static constexpr std::array<std::byte, kBlockBytes> kZeros{};
  const std::size_t over = static_cast<std::size_t>(written_bytes % kBlockBytes);
  if (over != 0) put(Bytes(kZeros).first(kBlockBytes - over));
}

namespace {

// A ustar header block (POSIX.1-1988), written field by field.
class Block {
 public:
  void text(std::size_t at, std::size_t width, std::string_view value) {
    std::memcpy(bytes_.data() + at, value.data(), std::min(width, value.size()));
  }
  // Octal digits, zero-filled, with a NUL at the end.
  void octal(std::size_t at, std::size_t width, std::uint64_t value) {
    for (std::size_t i = width - 1; i-- > 0; value >>= 3) {
      bytes_[at + i] = static_cast<char>('0' + (value & 7));
    }
    bytes_[at + width - 1] = '\0';
  }
  // The sum over the block with blanks in its own place: six digits, NUL, blank.
  void checksum() {
    std::memset(bytes_.data() + 148, ' ', 8);
    std::uint64_t sum = 0;
    for (const char c : bytes_) sum += static_cast<unsigned char>(c);
    octal(148, 7, sum);
  }
  Bytes bytes() const { return as_bytes({bytes_.data(), bytes_.size()}); }

 private:
  std::array<char, kBlockBytes> bytes_{};
};

}  // namespace

void TarWriter::put_header(const Header& header) {
  Block block;
  std::string_view name = header.name;
  if (name.size() > kNameBytes) {
    if (const auto slash = split_at(name)) {
      block.text(345, kPrefixBytes, name.substr(0, *slash));
      name.remove_prefix(*slash + 1);
    }
  }
  block.text(0, kNameBytes, name);
  block.octal(100, 8, header.mode);
  block.octal(108, 8, header.uid);
  block.octal(116, 8, header.gid);
  block.octal(124, 12, header.size_bytes);
  block.octal(136, 12, header.mtime_s);
  block.text(156, 1, {&header.type, 1});
  block.text(157, kNameBytes, header.link_name);
  block.text(257, 8, std::string_view("ustar\00000", 8));
  block.octal(329, 8, header.device_major);
  block.octal(337, 8, header.device_minor);
  block.checksum();
  put(block.bytes());
}

void TarWriter::put_extended(const std::string& name,
                             const std::map<std::string, std::string>& records) {
  if (records.empty()) return;
  std::string body;
  for (const auto& [keyword, value] : records) body += pax_record(keyword, value);
  std::string_view base = name;
  while (base.ends_with('/')) base.remove_suffix(1);
  base = base.substr(base.rfind('/') + 1);
  Header header;
  header.name = cat(kExtendedPrefix, base.substr(0, kNameBytes - kExtendedPrefix.size()));
  header.mode = kExtendedMode;
  header.size_bytes = body.size();
  header.type = 'x';
  put_header(header);
  put(as_bytes(body));
  pad(body.size());
}

void TarWriter::put_member(const Entry& entry, const std::string& name) {
  const bool is_file = entry.type == EntryType::file;
  const bool is_device =
      entry.type == EntryType::char_device || entry.type == EntryType::block_device;
  const bool is_link = entry.type == EntryType::symlink || entry.type == EntryType::hard_link;
  std::map<std::string, std::string> records;
  // What does not fit goes into a record, and 0 into the header.
  const auto number = [&](const char* keyword, std::uint64_t value, std::uint64_t limit) {
    if (value <= limit) return value;
    records.emplace(keyword, std::to_string(value));
    return std::uint64_t{0};
  };
  Header header;
  header.name = name;
  if (name.size() > kNameBytes && !split_at(name)) {
    records.emplace("path", name);
    header.name.resize(kNameBytes);
  }
  if (is_link) header.link_name = entry.link_target;
  if (header.link_name.size() > kNameBytes) {
    records.emplace("linkpath", header.link_name);
    header.link_name.resize(kNameBytes);
  }
  header.mode = entry.mode & 07777;
  header.uid = number("uid", entry.uid, kMaxId);
  header.gid = number("gid", entry.gid, kMaxId);
  if (is_file) header.size_bytes = number("size", entry.size_bytes, kMaxSize);
  if (entry.mtime.seconds < 0) {
    records.emplace("mtime", std::to_string(entry.mtime.seconds));
  } else {
    header.mtime_s = number("mtime", static_cast<std::uint64_t>(entry.mtime.seconds), kMaxSize);
  }
  if (is_device) {
    if (entry.device_major > kMaxId || entry.device_minor > kMaxId) {
      throw Error(Errc::invalid, cat(entry.path.absolute(), ": device numbers do not fit a tar"));
    }
    header.device_major = entry.device_major;
    header.device_minor = entry.device_minor;
  }
  header.type = type_flag(entry.type);
  for (const auto& [key, value] : entry.xattrs) {
    if (key.find('=') != std::string::npos) {
      throw Error(Errc::unsupported,
                  cat(entry.path.absolute(), ": a tar cannot hold the attribute ", key));
    }
    records.emplace("SCHILY.xattr." + key, value);
  }
  put_extended(name, records);
  put_header(header);
}

void TarWriter::put_marker(const std::string& name) {
  Entry marker;  // an empty file of mode 0, root's, time 0 (IMG-14)
  put_member(marker, name);
}

void TarWriter::put_content(const Entry& entry, ByteSource& content) {
  std::uint64_t left = entry.size_bytes;
  while (left > 0) {
    if (used_ == buffer_.size()) flush();
    const std::size_t room = buffer_.size() - used_;
    const std::size_t want = left < room ? static_cast<std::size_t>(left) : room;
    const std::size_t got = content.read(std::span(buffer_).subspan(used_, want));
    if (got == 0) {
      throw Error(Errc::io, cat(entry.path.absolute(), " became shorter while it was read"));
    }
    used_ += got;
    left -= got;
  }
  std::array<std::byte, 1> beyond;
  if (content.read(beyond) != 0) {
    throw Error(Errc::io, cat(entry.path.absolute(), " became longer while it was read"));
  }
  pad(entry.size_bytes);
}

void TarWriter::add(const Entry& entry, ByteSource* content) {
  if (entry.type == EntryType::whiteout) return put_marker(member_name(entry));
  const std::string& path = entry.path.str();
  if (path.starts_with(kWhiteoutPrefix) || path.find("/.wh.") != std::string::npos) {
    throw Error(Errc::invalid, cat(entry.path.absolute(),
                                   ": names that start with \".wh.\" mean removal in a layer"));
  }
  const bool has_bytes = entry.type == EntryType::file && entry.size_bytes > 0;
  if (has_bytes && content == nullptr) {
    throw Error(Errc::io, cat(entry.path.absolute(), ": no content was given"));
  }
  put_member(entry, member_name(entry));
  if (entry.type == EntryType::file && content != nullptr) put_content(entry, *content);
  if (entry.type == EntryType::directory && entry.opaque) {
    put_marker(entry.path.child(kOpaqueName).str());
  }
}

std::vector<std::uint64_t> TarWriter::content_offsets(const std::vector<Entry>& entries) {
  NullSink nowhere;
  CountingSink headers(nowhere);
  TarWriter writer(headers);
  std::uint64_t content_bytes = 0;
  std::vector<std::uint64_t> offsets;
  offsets.reserve(entries.size());
  for (const Entry& entry : entries) {
    if (entry.type == EntryType::whiteout) {
      writer.put_marker(member_name(entry));
    } else {
      writer.put_member(entry, member_name(entry));
    }
    writer.flush();
    offsets.push_back(headers.count() + content_bytes);
    if (entry.type == EntryType::file) {
      content_bytes += (entry.size_bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
    }
    if (entry.type == EntryType::directory && entry.opaque) {
      writer.put_marker(entry.path.child(kOpaqueName).str());
    }
  }
  return offsets;
}

void TarWriter::finish() {
  static constexpr std::array<std::byte, 2 * kBlockBytes> kEnd{};
  put(kEnd);
  flush();
  out_.finish();
}

}  // namespace cooper::layers
