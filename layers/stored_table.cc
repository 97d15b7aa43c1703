#include "layers/stored_table.h"

#include <libdeflate.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>

#include "base/error.h"

namespace cooper::layers {
namespace {

constexpr std::string_view kMagic = "cooper table 4\n";
constexpr std::string_view kAnyMagic = "cooper table ";
constexpr std::size_t kBlockRows = 32;
constexpr std::size_t kOffsetBytes = 8;
constexpr std::size_t kChecksumBytes = 4;
constexpr std::size_t kFooterBytes = 8 + 8 + 4 + kChecksumBytes;  // rows, index, flags, checksum
constexpr std::uint64_t kSettledFlag = 1;
constexpr std::uint64_t kOrderFlag = 2;  // after the index stands the order
constexpr std::size_t kPlaceBytes = 4;

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

// The last block that begins at or before path; nullopt: there is none at all. text_of(n) gives the
// rows of one.
template <class TextOf>
std::optional<std::size_t> block_of(const TreePath& path, std::size_t blocks, const TextOf& text_of,
                                    const std::string& name) {
  if (blocks == 0) return std::nullopt;
  std::size_t low = 0;
  std::size_t high = blocks;
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    (path < TableDecoder(text_of(middle), name).first_path() ? high : low) = middle;
  }
  return low;
}

std::optional<Entry> find_in(std::string_view block, std::size_t rows, const TreePath& path,
                             const std::string& name) {
  TableDecoder decoder(block, name);
  Entry before;
  for (std::size_t i = 0; i < rows; ++i) {
    Entry entry;
    decoder.row(entry, i > 0 ? &before : nullptr);
    if (entry.path == path) return entry;
    if (path < entry.path) break;
    before = std::move(entry);
  }
  return std::nullopt;
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
  const std::uint64_t flags = number(footer.substr(16, 4));
  settled_ = (flags & kSettledFlag) != 0;
  has_order_ = (flags & kOrderFlag) != 0;
  const std::size_t order_bytes = has_order_ ? rows_ * kPlaceBytes : 0;
  if (blocks() * kOffsetBytes + order_bytes != index_end - index_) damaged();
}

std::size_t StoredTable::blocks() const {
  return (rows_ + kBlockRows - 1) / kBlockRows;
}

std::vector<std::uint32_t> StoredTable::order() const {
  std::vector<std::uint32_t> order;
  if (!has_order_) return order;
  const std::size_t begin = index_ + blocks() * kOffsetBytes;
  order.reserve(rows_);
  for (std::size_t i = 0; i < rows_; ++i) {
    const std::string_view place = bytes_->view().substr(begin + i * kPlaceBytes, kPlaceBytes);
    order.push_back(static_cast<std::uint32_t>(number(place)));
  }
  return order;
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
  const auto text_of = [this](std::size_t number_of) { return block(number_of); };
  const auto at = block_of(path, blocks(), text_of, name_);
  return at ? find_in(block(*at), rows_in(*at), path, name_) : std::nullopt;
}

const std::vector<Entry>& StoredTable::entries() const {
  once_.run([this] {
    std::vector<Entry> entries;
    each([&](const Entry& entry) {
      // Not before a block is there: the number of rows is only said so far.
      if (entries.empty()) entries.reserve(std::min(rows_, index_ / kLeastRowBytes));
      entries.push_back(entry);
    });
    entries_ = std::move(entries);
  });
  return entries_;
}

void StoredTable::each(const std::function<void(const Entry&)>& look) const {
  Entry before;
  for (std::size_t number_of = 0; number_of < blocks(); ++number_of) {
    TableDecoder decoder(block(number_of), name_);
    for (std::size_t i = 0; i < rows_in(number_of); ++i) {
      Entry entry;
      decoder.row(entry, number_of + i > 0 ? &before : nullptr);
      look(entry);
      before = std::move(entry);
    }
    decoder.finish();
  }
}

TableWriter::TableWriter() : text_(kMagic) {}

void TableWriter::add(const Entry& row) {
  if (rows_in_block_ == kBlockRows) end_block();
  block_.row(row);
  ++rows_in_block_;
}

void TableWriter::end_block() {
  blocks_.push_back(text_.size());
  text_ += block_.text();
  append_number(text_, checksum(block_.text()), kChecksumBytes);
  block_ = TableEncoder();
  rows_in_block_ = 0;
}

std::optional<Entry> TableWriter::find(const TreePath& path) const {
  static const std::string kName = "a table being written";
  const auto text_of = [this](std::size_t number_of) {
    if (number_of == blocks_.size()) return std::string_view(block_.text());
    const std::size_t end = number_of + 1 < blocks_.size() ? blocks_[number_of + 1] : text_.size();
    return std::string_view(text_).substr(blocks_[number_of], end - blocks_[number_of]);
  };
  const std::size_t blocks = blocks_.size() + (rows_in_block_ > 0 ? 1 : 0);
  const auto at = block_of(path, blocks, text_of, kName);
  if (!at) return std::nullopt;
  return find_in(text_of(*at), *at < blocks_.size() ? kBlockRows : rows_in_block_, path, kName);
}

std::string TableWriter::finish(bool settled, const std::vector<std::uint32_t>& order) && {
  const std::size_t rows = blocks_.size() * kBlockRows + rows_in_block_;
  if (rows_in_block_ > 0) end_block();
  const std::size_t index = text_.size();
  text_.reserve(index + blocks_.size() * kOffsetBytes + order.size() * kPlaceBytes + kFooterBytes);
  for (const std::size_t block : blocks_) append_number(text_, block, kOffsetBytes);
  for (const std::uint32_t place : order) append_number(text_, place, kPlaceBytes);
  append_number(text_, rows, 8);
  append_number(text_, index, 8);
  append_number(text_, (settled ? kSettledFlag : 0) | (order.empty() ? 0 : kOrderFlag), 4);
  append_number(text_, checksum(std::string_view(text_).substr(index)), kChecksumBytes);
  return std::move(text_);
}

}  // namespace cooper::layers
