// The lines an error is about, as people see them (ERR-01, ERR-02).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "parser/source.h"

namespace cooper::parser {

// The lines of a text, found once, for any number of excerpts. The text must outlive it.
class SourceLines {
 public:
  explicit SourceLines(std::string_view text);
  // As source_excerpt().
  std::string excerpt(std::string_view name, const std::vector<SourceRange>& ranges) const;

 private:
  std::vector<std::string_view> lines_;
};

// name:LINE, dashes, numbered lines with ">>>" on the marked ones, dashes; "" if no range lies in
// the text. Ends in '\n'.
std::string source_excerpt(std::string_view name, std::string_view text,
                           const std::vector<SourceRange>& ranges);

}  // namespace cooper::parser
