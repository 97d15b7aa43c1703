// Places in a Dockerfile, and what is thrown about them.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace cooper::parser {

// Whole lines, 1-based, both ends included. {0, 0} is "nowhere in particular".
struct SourceRange {
  int first_line = 0;
  int last_line = 0;
  friend bool operator==(const SourceRange&, const SourceRange&) = default;
};

// A Dockerfile that cannot be built, with the lines to point at. The message has no line number:
// whoever prints it adds "dockerfile parse error on line N:" if is_syntax() (ERR-03), and an
// excerpt (parser/excerpt.h).
class DockerfileError : public Error {
 public:
  explicit DockerfileError(const std::string& message, std::vector<SourceRange> ranges = {},
                           Errc code = Errc::invalid)
      : Error(code, message), ranges_(std::move(ranges)) {}

  const std::vector<SourceRange>& ranges() const noexcept { return ranges_; }
  // Gives the error its place unless it has one already.
  void locate(SourceRange range) {
    if (ranges_.empty()) ranges_.push_back(range);
  }
  // The text itself is malformed; otherwise it reads well and asks for what can't be.
  bool is_syntax() const noexcept { return is_syntax_; }
  void mark_syntax() noexcept { is_syntax_ = true; }

 private:
  std::vector<SourceRange> ranges_;
  bool is_syntax_ = false;
};

}  // namespace cooper::parser
