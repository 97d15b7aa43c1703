#include "layers/table_format.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "base/error.h"

namespace cooper::layers {
namespace {

constexpr std::size_t kDigestBytes = 32;

// The first byte of a row: type in the low four bits, then what is present.
constexpr std::uint8_t kTypeMask = 0x0f;
constexpr std::uint8_t kHasContent = 0x10;
constexpr std::uint8_t kHasXattrs = 0x20;
constexpr std::uint8_t kOpaque = 0x40;
constexpr std::uint8_t kHasDetails = 0x80;  // size, link target or device numbers

// Signed numbers with small absolute values become small unsigned ones.
std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

bool has_details(const Entry& entry) {
  return entry.size_bytes != 0 || !entry.link_target.empty() || entry.device_major != 0 ||
         entry.device_minor != 0;
}

}  // namespace

void TableEncoder::number(std::uint64_t value) {
  std::array<char, 10> digits;
  std::size_t count = 0;
  for (; value >= 0x80; value >>= 7) digits[count++] = static_cast<char>((value & 0x7f) | 0x80);
  digits[count++] = static_cast<char>(value);
  text_.append(digits.data(), count);
}

void TableEncoder::bytes(std::string_view value) {
  number(value.size());
  text_ += value;
}

void TableEncoder::row(const Entry& entry, const Timestamp& mtime) {
  const bool details = has_details(entry);
  const auto flags = static_cast<std::uint8_t>(
      static_cast<unsigned>(entry.type) | (entry.content ? kHasContent : 0u) |
      (entry.xattrs.empty() ? 0u : kHasXattrs) | (entry.opaque ? kOpaque : 0u) |
      (details ? kHasDetails : 0u));
  text_ += static_cast<char>(flags);
  const std::string& path = entry.path.str();
  const auto [end, ignored] =
      std::mismatch(path.begin(), path.end(), last_path_.begin(), last_path_.end());
  const auto shared = static_cast<std::size_t>(end - path.begin());
  number(shared);
  bytes(std::string_view(path).substr(shared));
  last_path_ = path;
  number(entry.mode);
  number(entry.uid);
  number(entry.gid);
  number(zigzag(mtime.seconds));
  number(mtime.nanoseconds);
  if (details) {
    number(entry.size_bytes);
    bytes(entry.link_target);
    number(entry.device_major);
    number(entry.device_minor);
  }
  if (!entry.xattrs.empty()) {
    number(entry.xattrs.size());
    for (const auto& [key, value] : entry.xattrs) {
      bytes(key);
      bytes(value);
    }
  }
  if (entry.content) {
    const auto& digest = entry.content->value.bytes;
    text_.append(reinterpret_cast<const char*>(digest.data()), digest.size());
  }
}

void TableDecoder::damaged() const {
  throw Error(Errc::corrupt, cat(name_, ": damaged metadata table"));
}

std::uint64_t TableDecoder::number() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) damaged();
    const auto byte = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  damaged();
}

std::uint32_t TableDecoder::small_number() {
  const std::uint64_t value = number();
  if (value > std::numeric_limits<std::uint32_t>::max()) damaged();
  return static_cast<std::uint32_t>(value);
}

std::string_view TableDecoder::bytes(std::uint64_t count) {
  if (count > rest_.size()) damaged();
  const std::string_view value = rest_.substr(0, static_cast<std::size_t>(count));
  rest_.remove_prefix(value.size());
  return value;
}

TreePath TableDecoder::first_path() {
  bytes(1);
  Entry entry;
  path(entry, nullptr);
  return std::move(entry.path);
}

void TableDecoder::path(Entry& entry, const Entry* previous) {
  const std::uint64_t shared = number();
  if (shared > path_text_.size()) damaged();
  path_text_.resize(static_cast<std::size_t>(shared));
  path_text_ += string();
  auto path = TreePath::try_confined(path_text_);
  // Normalised as it stands: two spellings of a path would escape the order.
  if (!path || path->str() != path_text_) damaged();
  entry.path = *std::move(path);
  if (previous != nullptr && !(previous->path < entry.path)) damaged();
}

void TableDecoder::row(Entry& entry, const Entry* previous) {
  const auto flags = static_cast<std::uint8_t>(bytes(1).front());
  if ((flags & kTypeMask) > static_cast<std::uint8_t>(EntryType::whiteout)) damaged();
  entry.type = static_cast<EntryType>(flags & kTypeMask);
  entry.opaque = (flags & kOpaque) != 0;
  path(entry, previous);
  entry.mode = small_number();
  entry.uid = small_number();
  entry.gid = small_number();
  entry.mtime.seconds = unzigzag(number());
  entry.mtime.nanoseconds = small_number();
  if ((flags & kHasDetails) != 0) {
    entry.size_bytes = number();
    entry.link_target = string();
    entry.device_major = small_number();
    entry.device_minor = small_number();
  }
  if ((flags & kHasXattrs) != 0) {
    for (std::uint64_t left = number(); left > 0; --left) {
      const std::string_view key = string();
      entry.xattrs[std::string(key)] = string();
    }
  }
  if ((flags & kHasContent) != 0) {
    const std::string_view raw = bytes(kDigestBytes);
    std::memcpy(entry.content.emplace().value.bytes.data(), raw.data(), raw.size());
  }
}

void TableDecoder::finish() {
  if (!rest_.empty()) damaged();
}

}  // namespace cooper::layers
