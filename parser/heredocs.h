// Finding here-documents in a line (rows HEREDOC-01 ... HEREDOC-03).
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "parser/instruction.h"

namespace cooper::parser {

struct HeredocWord {
  std::size_t begin = 0;  // of the word in the text
  std::size_t end = 0;
  Heredoc heredoc;  // without body
};

// In order. Quotes and backslashes count as in a shell, whatever the Dockerfile's escape character
// (DIR-05). A text with an unterminated quote holds no heredoc.
std::vector<HeredocWord> find_heredocs(std::string_view text);

}  // namespace cooper::parser
