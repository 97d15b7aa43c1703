// Tables read alone, and what becomes of them over the layers below: apply_rows.h.
#include <algorithm>
#include <numeric>

#include "layers/apply_rows.h"

namespace cooper::layers {

bool ParentCheck::add(const Entry& row) {
  while (!directories_.empty() && !directories_.back().contains(row.path)) directories_.pop_back();
  const std::string_view path = row.path.str();
  const std::size_t slash = path.rfind('/');
  const std::string_view parent = path.substr(0, slash == std::string_view::npos ? 0 : slash);
  const bool known =
      parent.empty() || (!directories_.empty() && directories_.back().str() == parent);
  if (row.type == EntryType::directory && !row.path.is_root()) directories_.push_back(row.path);
  return known;
}

bool is_settled(const std::vector<Entry>& rows) {
  const auto has = [&](const TreePath& path) {
    const auto row = std::lower_bound(rows.begin(), rows.end(), path,
                                      [](const Entry& a, const TreePath& b) { return a.path < b; });
    return row != rows.end() && row->path == path;
  };
  ParentCheck parents;
  for (const Entry& entry : rows) {
    if (!parents.add(entry)) return false;
    if (entry.type == EntryType::hard_link && !has(TreePath::clean(entry.link_target))) {
      return false;
    }
  }
  return true;
}

Table settle(const Table& table, const Tree& below, const std::string& name) {
  NoActions none;
  MemorySource no_content{std::string()};
  ApplyRows rows(&below, none, name);
  const std::vector<Entry>& entries = table.entries();
  const std::vector<std::uint32_t> order = table.order();
  std::vector<std::size_t> sequence(entries.size());
  std::iota(sequence.begin(), sequence.end(), std::size_t{0});
  // Else first names may sort after their links.
  const auto before = [&](std::size_t a, std::size_t b) {
    if (!order.empty()) return order[a] < order[b];
    return entries[a].type != EntryType::hard_link && entries[b].type == EntryType::hard_link;
  };
  std::stable_sort(sequence.begin(), sequence.end(), before);
  for (const std::size_t i : sequence) rows.add({entries[i]}, no_content);
  return std::move(rows).finish();
}

}  // namespace cooper::layers
