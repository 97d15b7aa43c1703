#include "layers/table.h"

#include <algorithm>

#include "base/error.h"
#include "layers/apply_rows.h"
#include "layers/stored_table.h"
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

Table Table::out_of_order(std::vector<Entry> sorted, std::vector<std::uint32_t> order) {
  Table table;
  table.entries_ = std::move(sorted);
  table.order_ = std::move(order);
  return table;
}

const std::vector<Entry>& Table::entries() const {
  return stored_ ? stored_->entries() : entries_;
}

std::size_t Table::rows() const {
  return stored_ ? stored_->rows() : entries_.size();
}

bool Table::settled() const {
  return stored_ ? stored_->settled() : order_.empty() && is_settled(entries_);
}

std::vector<std::uint32_t> Table::order() const {
  return stored_ ? stored_->order() : order_;
}

std::optional<Entry> Table::look_up(const TreePath& path) const {
  if (stored_) return stored_->find(path);
  const Entry* row = find(path);
  return row == nullptr ? std::nullopt : std::optional(*row);
}

const Entry* Table::find(const TreePath& path) const {
  const std::vector<Entry>& rows = entries();
  const auto row = std::lower_bound(rows.begin(), rows.end(), path,
                                    [](const Entry& a, const TreePath& b) { return a.path < b; });
  return row != rows.end() && row->path == path ? &*row : nullptr;
}

std::pair<std::size_t, std::size_t> Table::range(const TreePath& path) const {
  const std::vector<Entry>& rows = entries();
  const auto first = std::lower_bound(rows.begin(), rows.end(), path,
                                      [](const Entry& a, const TreePath& b) { return a.path < b; });
  const auto last = std::partition_point(
      first, rows.end(), [&](const Entry& entry) { return path.contains(entry.path); });
  return {static_cast<std::size_t>(first - rows.begin()),
          static_cast<std::size_t>(last - rows.begin())};
}

void Table::each(const std::function<void(const Entry&)>& look) const {
  if (stored_) return stored_->each(look);
  for (const Entry& entry : entries_) look(entry);
}

std::string Table::serialize() const {
  if (stored_) return std::string(stored_->text());
  TableWriter writer;
  for (const Entry& entry : entries_) writer.add(entry);
  return std::move(writer).finish(settled(), order_);
}

Table Table::parse(std::string bytes, const std::string& name) {
  Table table;
  table.stored_ = std::make_shared<const StoredTable>(name, std::move(bytes));
  return table;
}

std::optional<Table> Table::open(const UniqueFd& file, const std::string& name) {
  auto stored = StoredTable::open(file, name);
  if (!stored) return std::nullopt;
  Table table;
  table.stored_ = std::move(stored);
  return table;
}

oci::ContentDigest Table::content_digest(const TimeOf& time_of) const {
  constexpr std::size_t kHashedAtOnceBytes = 64 * 1024;
  TableEncoder encoder;
  oci::Sha256 hasher;
  each([&](const Entry& entry) {
    if (entry.type == EntryType::file && !entry.content) {
      throw Error(Errc::invalid, cat(entry.path.absolute(), ": its content digest is not known"));
    }
    encoder.row(entry, time_of(entry));
    if (encoder.text().size() < kHashedAtOnceBytes) return;
    hasher.update(encoder.text());
    encoder.drop_text();
  });
  hasher.update(encoder.text());
  return {hasher.finish()};
}

}  // namespace cooper::layers
