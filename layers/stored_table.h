// A metadata table as it lies in the store: single rows are found without reading the others.
// Format in layers/README.md. Private to the folder.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/once.h"
#include "base/unique_fd.h"
#include "layers/entry.h"
#include "layers/table_format.h"

namespace cooper::layers {

// The bytes of a file, mapped, or of a text.
class TableBytes {
 public:
  explicit TableBytes(std::string text) : text_(std::move(text)), view_(text_) {}
  TableBytes(const UniqueFd& file, const std::string& name);
  TableBytes(const TableBytes&) = delete;
  TableBytes& operator=(const TableBytes&) = delete;
  ~TableBytes();
  std::string_view view() const noexcept { return view_; }

 private:
  std::string text_;
  void* mapped_ = nullptr;
  std::string_view view_;
};

// Damage is Error(corrupt) naming the table, when what is damaged is read. Thread-safe.
class StoredTable {
 public:
  StoredTable(std::string name, std::string text);
  // nullptr: of another version of the format.
  static std::shared_ptr<const StoredTable> open(const UniqueFd& file, const std::string& name);

  std::size_t rows() const noexcept { return rows_; }
  bool settled() const noexcept { return settled_; }
  std::vector<std::uint32_t> order() const;  // empty, or one number per row
  std::optional<Entry> find(const TreePath& path) const;
  const std::vector<Entry>& entries() const;                       // all, read once
  void each(const std::function<void(const Entry&)>& look) const;  // all in order, none kept
  std::string_view text() const noexcept { return bytes_->view(); }

 private:
  StoredTable(std::string name, std::unique_ptr<const TableBytes> bytes);
  void read_footer();
  std::size_t blocks() const;
  std::size_t offset(std::size_t block) const;
  // Its rows, checksum verified and taken off.
  std::string_view block(std::size_t number) const;
  std::size_t rows_in(std::size_t block) const;
  [[noreturn]] void damaged() const;

  std::string name_;
  std::unique_ptr<const TableBytes> bytes_;
  std::size_t rows_ = 0;
  std::size_t index_ = 0;  // where it begins
  bool settled_ = false;
  bool has_order_ = false;
  mutable Once once_;
  mutable std::vector<Entry> entries_;
};

// Writes the same row by row: what was added costs a fraction of an Entry.
class TableWriter {
 public:
  TableWriter();
  void add(const Entry& row);                             // in ascending path order
  std::optional<Entry> find(const TreePath& path) const;  // among those added
  std::string finish(bool settled, const std::vector<std::uint32_t>& order = {}) &&;

 private:
  void end_block();

  std::string text_;
  std::vector<std::size_t> blocks_;  // where those that are complete begin
  TableEncoder block_;               // the one that is not
  std::size_t rows_in_block_ = 0;
};

}  // namespace cooper::layers
