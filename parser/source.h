// Places in a Dockerfile, and what is said about them: errors (thrown) and findings (collected).
#pragma once

#include <string>
#include <string_view>
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
// whoever prints it adds "dockerfile parse error on line N:" (ERR-03) or an excerpt
// (parser/excerpt.h).
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

 private:
  std::vector<SourceRange> ranges_;
};

// A lint rule as data. Rules of the parser are listed in parser/rules.h.
struct Rule {
  std::string_view name;         // "StageNameCasing"
  std::string_view description;  // what the rule wants
  std::string_view url;          // "" if there is none
};

// One finding (CHECK-23). It never stops a build by itself.
struct Diagnostic {
  std::string rule;
  std::string description;
  std::string url;
  std::string message;  // about this place
  std::vector<SourceRange> ranges;
  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

Diagnostic make_diagnostic(const Rule& rule, std::string message, std::vector<SourceRange> ranges);

}  // namespace cooper::parser
