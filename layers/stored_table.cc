#include "layers/stored_table.h"

#include <libdeflate.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>

#include "base/error.h"
#include "layers/table_format.h"

namespace cooper::layers {
namespace {

constexpr std::string_view kMagic = "cooper table 2\n";
constexpr std::string_view kAnyMagic = "cooper table ";
constexpr std::size_t kBlockRows = 32;
constexpr std::size_t kOffsetBytes = 8;
constexpr std::size_t kChecksumBytes = 4;
constexpr std::size_t kFooterBytes = 8 + 8 + 4 + kChecksumBytes;  // rows, index, flags, checksum
constexpr std::uint64_t kSettledFlag = 1;

std::uint32_t checksum(std::string_view text) {
  return libdeflate_crc32(0, text.data(), text.size());
}

void append_number(std::string& text, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
}

// Little-endian, the whole of text.
std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  for (std::size_t i = text.size(); i > 0; --i) {
    value = value << 8 | static_cast<std::uint8_t>(text[i - 1]);
  }
  return value;
}

}  // namespace

TableBytes::TableBytes(const UniqueFd& file, const std::string& name) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw_errno("looking at", name);
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return;
  void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapped == MAP_FAILED) throw_errno("mapping", name);
  mapped_ = mapped;
  view_ = {static_cast<const char*>(mapped), size};
}

TableBytes::~TableBytes() {
  if (mapped_ != nullptr) ::munmap(mapped_, view_.size());
}

StoredTable::StoredTable(std::string name, std::unique_ptr<const TableBytes> bytes)
    : name_(std::move(name)), bytes_(std::move(bytes)) {
  read_footer();
}

StoredTable::StoredTable(std::string name, std::string text)
    : StoredTable(std::move(name), std::make_unique<const TableBytes>(std::move(text))) {}

std::shared_ptr<const StoredTable> StoredTable::open(const UniqueFd& file,
                                                     const std::string& name) {
  auto bytes = std::make_unique<const TableBytes>(file, name);
  const bool other_version =
      bytes->view().starts_with(kAnyMagic) && !bytes->view().starts_with(kMagic);
  if (other_version) return nullptr;
  return std::shared_ptr<const StoredTable>(new StoredTable(name, std::move(bytes)));
}

void StoredTable::damaged() const {
  throw Error(Errc::corrupt, cat(name_, ": damaged metadata table"));
}

void StoredTable::read_footer() {
  const std::string_view text = bytes_->view();
  if (text.size() < kMagic.size() + kFooterBytes || !text.starts_with(kMagic)) damaged();
  const std::string_view footer = text.substr(text.size() - kFooterBytes);
  const std::uint64_t rows = number(footer.substr(0, 8));
  const std::uint64_t index = number(footer.substr(8, 8));
  const std::size_t index_end = text.size() - kFooterBytes;
  if (index < kMagic.size() || index > index_end) damaged();
  const std::string_view checked = text.substr(static_cast<std::size_t>(index));
  if (number(checked.substr(checked.size() - kChecksumBytes)) !=
      checksum(checked.substr(0, checked.size() - kChecksumBytes))) {
    damaged();
  }
  index_ = static_cast<std::size_t>(index);
  if (rows / kBlockRows > text.size()) damaged();
  rows_ = static_cast<std::size_t>(rows);
  if (blocks() * kOffsetBytes != index_end - index_) damaged();
  settled_ = (number(footer.substr(16, 4)) & kSettledFlag) != 0;
}

std::size_t StoredTable::blocks() const {
  return (rows_ + kBlockRows - 1) / kBlockRows;
}

std::size_t StoredTable::rows_in(std::size_t block) const {
  return std::min(kBlockRows, rows_ - block * kBlockRows);
}

std::size_t StoredTable::offset(std::size_t block) const {
  if (block == blocks()) return index_;
  const std::uint64_t begin =
      number(bytes_->view().substr(index_ + block * kOffsetBytes, kOffsetBytes));
  if (begin < kMagic.size() || begin > index_) damaged();
  return static_cast<std::size_t>(begin);
}

std::string_view StoredTable::block(std::size_t number_of) const {
  const std::size_t begin = offset(number_of);
  const std::size_t end = offset(number_of + 1);
  if (end < begin + kChecksumBytes) damaged();
  const std::string_view rows = bytes_->view().substr(begin, end - begin - kChecksumBytes);
  if (number(bytes_->view().substr(end - kChecksumBytes, kChecksumBytes)) != checksum(rows)) {
    damaged();
  }
  return rows;
}

std::optional<Entry> StoredTable::find(const TreePath& path) const {
  // The last block that begins at or before path.
  std::size_t low = 0;
  std::size_t high = blocks();
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    (path < TableDecoder(block(middle), name_).first_path() ? high : low) = middle;
  }
  if (low == high) return std::nullopt;
  TableDecoder decoder(block(low), name_);
  Entry before;
  for (std::size_t i = 0; i < rows_in(low); ++i) {
    Entry entry;
    decoder.row(entry, i > 0 ? &before : nullptr);
    if (entry.path == path) return entry;
    if (path < entry.path) break;
    before = std::move(entry);
  }
  return std::nullopt;
}

const std::vector<Entry>& StoredTable::entries() const {
  once_.run([this] { entries_ = read_all(); });
  return entries_;
}

std::vector<Entry> StoredTable::read_all() const {
  std::vector<Entry> entries;
  for (std::size_t number_of = 0; number_of < blocks(); ++number_of) {
    TableDecoder decoder(block(number_of), name_);
    // Not before the block is there: the number of rows is only said so far.
    if (entries.empty()) entries.reserve(std::min(rows_, index_ / kLeastRowBytes));
    for (std::size_t i = 0; i < rows_in(number_of); ++i) {
      Entry& entry = entries.emplace_back();
      decoder.row(entry, entries.size() > 1 ? &entries[entries.size() - 2] : nullptr);
    }
    decoder.finish();
  }
  return entries;
}

std::string write_table(const std::vector<Entry>& entries, bool settled) {
  std::string text(kMagic);
  std::string index;
  for (std::size_t begin = 0; begin < entries.size(); begin += kBlockRows) {
    TableEncoder block;
    const std::size_t end = std::min(begin + kBlockRows, entries.size());
    for (std::size_t i = begin; i < end; ++i) block.row(entries[i]);
    append_number(index, text.size(), kOffsetBytes);
    text += block.text();
    append_number(text, checksum(block.text()), kChecksumBytes);
  }
  const std::size_t index_begin = text.size();
  text += index;
  append_number(text, entries.size(), 8);
  append_number(text, index_begin, 8);
  append_number(text, settled ? kSettledFlag : 0, 4);
  append_number(text, checksum(std::string_view(text).substr(index_begin)), kChecksumBytes);
  return text;
}

}  // namespace cooper::layers
