// Words that keep their quotes, for instructions whose values are expanded later (ARG, ENV, LABEL).
#pragma once

#include <string_view>
#include <vector>

namespace cooper::parser {

// Splits at unquoted blanks; quotes and escapes stay. An escape character at the very end is
// dropped.
std::vector<std::string_view> split_quoted_words(std::string_view text, char escape);

}  // namespace cooper::parser
