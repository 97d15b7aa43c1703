// Instructions as progress shows them (ERR-04).
#pragma once

#include <string>
#include <string_view>

#include "parser/expand.h"
#include "parser/instruction.h"

namespace cooper::builder {

// "COPY --from=build a /b": as written, on one line, the keyword in upper case, variables that have a value replaced.
std::string instruction_display(const parser::Origin& origin, const parser::Lookup& lookup);
// The same, with the first line of a sole heredoc.
std::string run_display(const parser::Run& run, const parser::Lookup& lookup);
// With the logins that URLs hold masked.
std::string without_logins(std::string_view text);

}  // namespace cooper::builder
