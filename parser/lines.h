// Physical lines, and the logical lines made of them (rows LEX-02 ... LEX-09). Views point into the
// text, which must outlive the reader.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/heredocs.h"
#include "parser/source.h"

namespace cooper::parser {

inline constexpr std::size_t kMaxLineBytes = 65535;  // LEX-09

struct LogicalLine {
  std::string text;  // continuations joined, first line without leading blanks
  SourceRange range;
  std::vector<std::string> comments;  // comment lines before it, see Origin::comments
  bool empty_continuation = false;    // LEX-06
};

class LineReader {
 public:
  // The text begins behind any byte-order mark. directive_lines: how many lines at the top are
  // parser directives, which are no comments of the first instruction.
  LineReader(std::string_view text, char escape, int directive_lines);

  // nullopt at the end of the text.
  std::optional<LogicalLine> next();
  // Fills body and raw_body from the lines that follow (HEREDOC-04, HEREDOC-05); range grows over
  // them. Throws "unterminated heredoc".
  void read_body(Heredoc& heredoc, SourceRange& range);
  int line() const noexcept { return line_; }  // of the last line read

 private:
  std::optional<std::string_view> physical();  // with its newline
  bool cut_continuation(std::string_view& line) const;
  void continue_line(LogicalLine& logical);
  void note_comment(std::string_view line);

  std::string_view rest_;
  char escape_;
  int directive_lines_;
  int line_ = 0;
  std::vector<std::string> comments_;
};

}  // namespace cooper::parser
