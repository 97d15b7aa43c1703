// Columns of text, three blanks apart, for people's eyes.
#pragma once

#include <string>
#include <vector>

namespace cooper::cmd {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> heading) { add(std::move(heading)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // Each row a line; no blanks at its end.
  std::string str() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace cooper::cmd
