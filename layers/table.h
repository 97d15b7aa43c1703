// The metadata table of one layer: the truth about its entries (design: a tree is a directory plus
// a table). Sorted by TreePath order, one row per path, whiteouts included.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "layers/entry.h"

namespace cooper::layers {

class StoredTable;

// Copies share what was read.
class Table {
 public:
  Table() = default;
  // Sorts; of several entries with one path the last wins (tar semantics).
  explicit Table(std::vector<Entry> entries);
  // A tar whose members do not come in the order of its rows, in a way that may matter over what
  // lies below (apply_rows.h). order: for each row the place of its member; not empty.
  static Table out_of_order(std::vector<Entry> sorted, std::vector<std::uint32_t> order);

  // A stored table is read from here on, once. Its damage is Error(corrupt), told by whatever reads
  // it.
  const std::vector<Entry>& entries() const;
  const Entry* find(const TreePath& path) const;  // nullptr when absent
  // Rows at or beneath path: a contiguous range.
  std::pair<std::size_t, std::size_t> range(const TreePath& path) const;

  std::size_t rows() const;
  // One row; of a stored table no others are read.
  std::optional<Entry> look_up(const TreePath& path) const;
  // Whether every row has its parent row, and every hard link its first name (apply_rows.h), each
  // from an earlier member.
  bool settled() const;
  // Of a table that is out of order; empty: rows tell everything.
  std::vector<std::uint32_t> order() const;

  // Every row in order; those of a stored table are not kept.
  void each(const std::function<void(const Entry&)>& look) const;

  // Binary form, format in layers/README.md.
  std::string serialize() const;
  // Error(corrupt) naming `name`, now or when damage is read; never reads past the text.
  static Table parse(std::string bytes, const std::string& name);
  // A file of that form, which must not change any more; nullopt: of another version of the format.
  static std::optional<Table> open(const UniqueFd& file, const std::string& name);

  // Digest over everything, with mtimes as `time_of` tells them: two layers with equal digests on
  // one parent give the same tree but for times that it tells alike (row CACHE-20). Compare tables
  // of one origin (two writers', or two applies'): apply adds rows for parents that a tar leaves
  // out. Precondition: files have content, else Error(invalid).
  using TimeOf = std::function<Timestamp(const Entry&)>;
  oci::ContentDigest content_digest(const TimeOf& time_of) const;

 private:
  std::vector<Entry> entries_;  // unless stored
  std::vector<std::uint32_t> order_;
  std::shared_ptr<const StoredTable> stored_;
};

using TablePtr = std::shared_ptr<const Table>;

}  // namespace cooper::layers
