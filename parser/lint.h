// Findings that need no evaluation: CHECK-01 ... CHECK-06, CHECK-08, CHECK-13.
#pragma once

#include <vector>

#include "parser/instruction.h"
#include "parser/source.h"

namespace cooper::parser {

struct EmptyContinuation {
  std::size_t instruction = 0;  // index
  int line = 0;
};

// In line order; what `# check=skip=` above an instruction silences is left out (CHECK-26).
std::vector<Diagnostic> lint_instructions(
    const std::vector<Instruction>& instructions,
    const std::vector<EmptyContinuation>& empty_continuations);

}  // namespace cooper::parser
