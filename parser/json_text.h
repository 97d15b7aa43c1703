// As much JSON as Dockerfiles need (RFC 8259), checked strictly, without a library.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper::parser {

enum class JsonForm {
  none,     // not one valid JSON array
  strings,  // an array of strings
  mixed,    // a valid array that holds something else (LEX-19)
};

struct JsonArray {
  JsonForm form = JsonForm::none;
  std::vector<std::string> strings;
};

// Blanks around the array are fine, anything else behind it is not (LEX-18).
JsonArray read_json_array(std::string_view text);

// The string member `name` of a text that is one JSON object; the last one if it is repeated.
std::optional<std::string> find_json_member(std::string_view text, std::string_view name);

}  // namespace cooper::parser
