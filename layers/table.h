// The metadata table of one layer: the truth about its entries (design: a tree is a directory plus
// a table). Sorted by TreePath order, one row per path, whiteouts included.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "layers/entry.h"

namespace cooper::layers {

class Table {
 public:
  Table() = default;
  // Sorts; of several entries with one path the last wins (tar semantics).
  explicit Table(std::vector<Entry> entries);

  const std::vector<Entry>& entries() const noexcept { return entries_; }
  const Entry* find(const TreePath& path) const;  // nullptr when absent
  // Rows at or beneath path: a contiguous range.
  std::pair<std::size_t, std::size_t> range(const TreePath& path) const;

  // Binary form: magic, format version, rows, SHA-256 trailer. Format in layers/README.md.
  std::string serialize() const;
  // Error(corrupt) naming `name` on any damage; never reads past the text.
  static Table parse(std::string_view bytes, const std::string& name);

  // Digest over everything but mtimes: two layers with equal digests on one parent give the same
  // tree (row CACHE-20). Compare tables of one origin (two writers', or two applies'): apply adds
  // rows for parents that a tar leaves out. Precondition: files have content, else Error(invalid).
  oci::ContentDigest content_digest() const;

 private:
  std::vector<Entry> entries_;
};

using TablePtr = std::shared_ptr<const Table>;

}  // namespace cooper::layers
