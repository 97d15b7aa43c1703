#include "layers/table.h"

#include <algorithm>

#include "base/error.h"
#include "layers/table_format.h"

namespace cooper::layers {

Table::Table(std::vector<Entry> entries) : entries_(std::move(entries)) {
  const auto by_path = [](const Entry& a, const Entry& b) { return a.path < b.path; };
  if (!std::is_sorted(entries_.begin(), entries_.end(), by_path)) {
    std::stable_sort(entries_.begin(), entries_.end(), by_path);
  }
  // Of equal paths the last one stays.
  std::size_t kept = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (i + 1 < entries_.size() && entries_[i].path == entries_[i + 1].path) continue;
    if (kept != i) entries_[kept] = std::move(entries_[i]);
    ++kept;
  }
  entries_.resize(kept);
}

const Entry* Table::find(const TreePath& path) const {
  const auto row = std::lower_bound(entries_.begin(), entries_.end(), path,
                                    [](const Entry& a, const TreePath& b) { return a.path < b; });
  return row != entries_.end() && row->path == path ? &*row : nullptr;
}

std::pair<std::size_t, std::size_t> Table::range(const TreePath& path) const {
  const auto first = std::lower_bound(entries_.begin(), entries_.end(), path,
                                      [](const Entry& a, const TreePath& b) { return a.path < b; });
  const auto last = std::partition_point(
      first, entries_.end(), [&](const Entry& entry) { return path.contains(entry.path); });
  return {static_cast<std::size_t>(first - entries_.begin()),
          static_cast<std::size_t>(last - entries_.begin())};
}

std::string Table::serialize() const {
  TableEncoder encoder;
  encoder.header(entries_.size());
  for (const Entry& entry : entries_) encoder.row(entry);
  return std::move(encoder).finish();
}

Table Table::parse(std::string_view bytes, const std::string& name) {
  TableDecoder decoder(bytes, name);
  const std::size_t count = decoder.header();
  std::vector<Entry> entries(count);
  for (std::size_t i = 0; i < count; ++i) {
    decoder.row(entries[i], i > 0 ? &entries[i - 1] : nullptr);
  }
  decoder.finish();
  Table table;
  table.entries_ = std::move(entries);
  return table;
}

oci::ContentDigest Table::content_digest() const {
  TableEncoder encoder;
  for (const Entry& entry : entries_) {
    if (entry.type == EntryType::file && !entry.content) {
      throw Error(Errc::invalid, cat(entry.path.absolute(), ": its content digest is not known"));
    }
    Entry timeless = entry;
    timeless.mtime = {};
    encoder.row(timeless);
  }
  return {oci::sha256(encoder.text())};
}

}  // namespace cooper::layers
