#include "parser/csv.h"

#include "parser/source.h"
#include "parser/text.h"

namespace cooper::parser {
namespace {

[[noreturn]] void fail(std::string_view text) {
  throw DockerfileError(cat("failed to parse csv value ", quoted(text)));
}

// A quoted field; `at` stands on its opening quote and ends behind the closing one.
std::string take_quoted(std::string_view text, std::size_t& at) {
  std::string field;
  for (++at; at < text.size(); ++at) {
    if (text[at] != '"') {
      field += text[at];
    } else if (at + 1 < text.size() && text[at + 1] == '"') {
      field += text[++at];
    } else {
      ++at;
      return field;
    }
  }
  fail(text);
}

}  // namespace

std::vector<std::string> split_csv(std::string_view text) {
  if (text.empty()) fail(text);
  std::vector<std::string> fields;
  std::size_t at = 0;
  while (true) {
    if (at < text.size() && text[at] == '"') {
      fields.push_back(take_quoted(text, at));
    } else {
      const std::string_view field = text.substr(at, text.find(',', at) - at);
      if (field.find('"') != std::string_view::npos) fail(text);
      fields.emplace_back(field);
      at += field.size();
    }
    if (at == text.size()) return fields;
    if (text[at] != ',') fail(text);
    ++at;
  }
}

}  // namespace cooper::parser
