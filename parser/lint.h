// Findings that need no evaluation: CHECK-01 … CHECK-06, CHECK-08, CHECK-20. The planner finds the others.
#pragma once

#include "parser/dockerfile.h"
#include "parser/findings.h"

namespace cooper::parser {

void lint_text(const Dockerfile& dockerfile, Findings& findings);

}  // namespace cooper::parser
