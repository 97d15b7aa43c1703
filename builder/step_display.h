// Instructions as progress shows them (ERR-04).
#pragma once

#include <string>
#include <string_view>

#include "parser/expand.h"
#include "parser/instruction.h"

namespace cooper::builder {

// "COPY --from=build a /b", behind what is there: as written, on one line, the keyword in upper case, variables that have
// a value replaced.
void append_instruction(std::string& text, const parser::Origin& origin, const parser::Lookup& lookup);
// The same, with the first line of a sole heredoc.
void append_run(std::string& text, const parser::Run& run, const parser::Lookup& lookup);
// With the logins that URLs hold masked.
std::string without_logins(std::string text);

}  // namespace cooper::builder
