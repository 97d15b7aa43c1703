// JSON arrays of instructions, held against the JSON library.
#include <nlohmann/json.hpp>
#include <string>

#include "parser/json_text.h"
#include "parser/utf8.h"
#include "tests/fuzz/check.h"

namespace cooper::parser {
namespace {

using fuzz::require;
using Json = nlohmann::json;

constexpr std::size_t kDepthSure = 5000;  // nesting that no limit of ours reaches

bool same_strings(const JsonArray& ours, const Json& theirs) {
  if (ours.strings.size() != theirs.size()) return false;
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    if (!theirs[i].is_string() || theirs[i].get_ref<const std::string&>() != ours.strings[i])
      return false;
  }
  return true;
}

bool holds_only_strings(const Json& array) {
  return std::all_of(array.begin(), array.end(),
                     [](const Json& element) { return element.is_string(); });
}

// The library refuses what we, as the reference, replace: bytes that are no UTF-8, lone surrogates.
bool is_lenient(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (decode_utf8(text, at) >= kRawByte) return true;
  }
  return text.find("\\u") != std::string_view::npos;
}

void check_against_library(std::string_view text, const JsonArray& ours) {
  if (text.starts_with("\xEF") || text.size() > kDepthSure)
    return;                                         // the library skips a mark of byte order
  if (text.find('\0') != std::string_view::npos) {  // for the library the text ends there
    return require(ours.form == JsonForm::none, "a zero byte is no JSON");
  }
  // As events first: numbers out of range are no values of the library, but JSON.
  const bool valid = Json::accept(text);
  if (ours.form == JsonForm::strings && !is_lenient(text)) require(valid, "what we read is JSON");
  if (!valid) return;
  const Json theirs = Json::parse(text);
  if (!theirs.is_array()) return require(ours.form == JsonForm::none, "only an array is one");
  require(ours.form == (holds_only_strings(theirs) ? JsonForm::strings : JsonForm::mixed),
          "an array is one");
  if (ours.form == JsonForm::strings) require(same_strings(ours, theirs), "the strings are theirs");
}

}  // namespace
}  // namespace cooper::parser

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cooper::parser;
  const std::string_view text = cooper::fuzz::text_of(data, size);
  const JsonArray array = read_json_array(text);
  check_against_library(text, array);
  find_json_member(text, "syntax");
  if (array.form != JsonForm::strings) return 0;
  const JsonArray again = read_json_array(Json(array.strings).dump());
  require(again.form == JsonForm::strings && again.strings == array.strings,
          "written and read again, the same");
  return 0;
}
