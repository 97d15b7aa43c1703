// Parser directives at the top of the file (rows DIR-*).
#pragma once

#include <string_view>

#include "parser/dockerfile.h"

namespace cooper::parser {

struct DirectiveBlock {
  Directives directives;
  int lines = 0;  // physical lines taken by directives
};

// text: without byte-order mark. Throws DockerfileError (DIR-03, DIR-04).
DirectiveBlock read_directives(std::string_view text);

std::string_view without_bom(std::string_view text);

}  // namespace cooper::parser
