#include "builder/step_display.h"

#include <algorithm>

#include "builder/sources/remote_source.h"
#include "parser/text.h"

namespace cooper::builder {
namespace {

bool is_name(char c) {
  return parser::is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// The variable that begins at the '$' in front of text: its name, and how many bytes it takes. Substitutions with
// modifiers are the shell's: they stay as they are.
struct Variable {
  std::string_view name;
  std::size_t size = 0;
};
Variable variable_at(std::string_view text) {
  const bool braced = text.substr(1).starts_with('{');
  const std::size_t begin = braced ? 2 : 1;
  std::size_t end = begin;
  while (end < text.size() && is_name(text[end])) ++end;
  if (end == begin || parser::is_digit(text[begin])) return {};
  if (braced && !text.substr(end).starts_with('}')) return {};
  return {text.substr(begin, end - begin), braced ? end + 1 : end};
}

std::size_t next_special(std::string_view text, std::size_t from) {
  while (from < text.size()) {
    const char c = text[from];
    if (c == '$' || c == '\\' || c == '\'' || c == '"') break;
    ++from;
  }
  return from;
}

// Quotes and escapes stay; nothing is replaced within single quotes.
void append_with_values(std::string& out, std::string_view text, const parser::Lookup& lookup) {
  if (text.find('$') == std::string_view::npos) {
    out += text;
    return;
  }
  std::size_t copied = 0;
  char quote = '\0';
  for (std::size_t at = next_special(text, 0); at < text.size(); at = next_special(text, at)) {
    const char c = text[at];
    if (c == '\\' && quote != '\'') {
      at = std::min(at + 2, text.size());
      continue;
    }
    if (c == '$' && quote != '\'') {
      const Variable variable = variable_at(text.substr(at));
      const auto value = variable.size > 0 ? lookup(variable.name) : std::nullopt;
      if (value) {
        out += text.substr(copied, at - copied);
        out += *value;
        at += variable.size;
        copied = at;
        continue;
      }
    }
    const bool is_quote = c == '\'' || c == '"';
    if (is_quote && (quote == '\0' || quote == c)) quote = quote == '\0' ? c : '\0';
    ++at;
  }
  out += text.substr(copied);
}

std::string first_line(std::string_view body) {
  const parser::Cut lines = parser::cut(parser::trim(body), '\n');
  return std::string(parser::trim(lines.before)) + (lines.found ? "..." : "");
}

}  // namespace

void append_instruction(std::string& text, const parser::Origin& origin, const parser::Lookup& lookup) {
  const std::string_view keyword = origin.keyword();
  text += parser::to_upper(keyword);
  append_with_values(text, std::string_view(origin.text).substr(keyword.size()), lookup);
}

std::string without_logins(std::string text) {
  if (text.find("://") == std::string::npos) return text;
  std::string out;
  for (const std::string_view word : parser::split(text, ' ')) {
    if (!out.empty()) out += ' ';
    out += word.find("://") == std::string_view::npos ? std::string(word) : without_credentials(word);
  }
  return out;
}

void append_run(std::string& text, const parser::Run& run, const parser::Lookup& lookup) {
  append_instruction(text, run.origin, lookup);
  if (!parser::is_sole_heredoc(run)) return;
  text += " (";
  append_with_values(text, first_line(run.heredocs.front().body), lookup);
  text += ')';
}

}  // namespace cooper::builder
