// The bytes of a metadata table (layers/README.md, "Table format"). Private to the folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "layers/entry.h"

namespace cooper::layers {

class TableEncoder {
 public:
  void header(std::size_t rows);
  // Rows in ascending path order; a path is written as what it does not share with the one before.
  void row(const Entry& entry);
  const std::string& text() const noexcept { return text_; }
  std::string finish() &&;  // with the trailer

 private:
  void number(std::uint64_t value);
  void bytes(std::string_view value);

  std::string text_;
  std::string last_path_;
};

// Checks the trailer first, then every length against what is left: never reads past the text,
// never allocates more than in proportion to it.
class TableDecoder {
 public:
  TableDecoder(std::string_view text, std::string name);
  std::size_t header();  // the number of rows
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
  std::string name_;
  std::string path_text_;
};

}  // namespace cooper::layers
