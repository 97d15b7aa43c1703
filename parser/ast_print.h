// The parse tree as s-expressions, one instruction per line: (from "busybox" "as" "x").
#pragma once

#include <string>

#include "parser/dockerfile.h"

namespace cooper::parser {

// Lower-case keyword, flags as ["--x=y" ...] if any, quoted words; heredocs follow as (heredoc
// "EOF" "body").
std::string print_ast(const Dockerfile& dockerfile);
std::string print_ast(const Instruction& instruction, char escape = '\\');

}  // namespace cooper::parser
