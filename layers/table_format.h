// The rows of a metadata table as bytes (layers/README.md, "Table format"). Private to the folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "layers/entry.h"

namespace cooper::layers {

class TableEncoder {
 public:
  // Rows in ascending path order; a path is written as what it does not share with the one before.
  void row(const Entry& entry) { row(entry, entry.mtime); }
  void row(const Entry& entry, const Timestamp& mtime);
  const std::string& text() const noexcept { return text_; }
  // It was used; the next row goes on from the last path.
  void drop_text() noexcept { text_.clear(); }

 private:
  void number(std::uint64_t value);
  void bytes(std::string_view value);

  std::string text_;
  std::string last_path_;
};

inline constexpr std::size_t kLeastRowBytes =
    8;  // flags, path (2), mode, uid, gid, seconds, nanoseconds

// Reads rows that follow each other. Checks every length against what is left: never reads past the
// text, never allocates more than in proportion to it.
class TableDecoder {
 public:
  TableDecoder(std::string_view text, const std::string& name) : rest_(text), name_(name) {}
  TreePath first_path();  // of the row that comes; nothing else may be asked afterwards
  // previous: the row before, whose path must be lower.
  void row(Entry& entry, const Entry* previous);
  void finish();  // nothing may be left

 private:
  std::uint64_t number();
  std::uint32_t small_number();
  std::string_view bytes(std::uint64_t count);
  std::string_view string() { return bytes(number()); }
  void path(Entry& entry, const Entry* previous);
  [[noreturn]] void damaged() const;

  std::string_view rest_;
  const std::string& name_;
  std::string path_text_;
};

}  // namespace cooper::layers
