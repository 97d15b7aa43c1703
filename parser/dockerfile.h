// Bytes to Dockerfile: the one entry to the parser. Time and memory are linear in the text; nothing
// is expanded, nothing outside the text is looked at. Failures are DockerfileError with source
// ranges.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "parser/instruction.h"
#include "parser/source.h"

namespace cooper::parser {

// Rows DIR-*. Only `escape` acts on parsing.
struct Directives {
  std::string syntax;  // first word of the value; "" if absent
  SourceRange syntax_range;
  char escape = '\\';
  std::string check;  // raw: "skip=A,B;error=true"
  SourceRange check_range;
};

// An instruction that is continued over an empty line (LEX-06).
struct EmptyContinuation {
  std::size_t instruction = 0;  // index
  int line = 0;
};

struct Dockerfile {
  std::string name;  // for messages
  std::string text;  // as given
  char escape = '\\';
  Directives directives;
  std::deque<Instruction> instructions;  // global ARGs, then FROM ...
  std::vector<EmptyContinuation> empty_continuations;  // for parser/lint.h
};

Dockerfile parse_dockerfile(std::string name, std::string text);

// One instruction standing alone: an ONBUILD trigger of a base image, heredoc bodies included.
// Ranges count from line 1 of `text`; the caller points errors at the child's FROM (ONBUILD-06).
Instruction parse_trigger(std::string_view text, char escape = '\\');

// The image named by a `syntax` directive in any of its spellings (DIR-06), or "". Looks at the
// head of the text only.
std::string find_syntax(std::string_view text);

}  // namespace cooper::parser
