#include "builder/step_display.h"

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

// Quotes and escapes stay; nothing is replaced within single quotes.
std::string with_values(std::string_view text, const parser::Lookup& lookup) {
  std::string out;
  out.reserve(text.size());
  std::size_t copied = 0;
  char quote = '\0';
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '\\' && quote != '\'' && at + 1 < text.size()) {
      at += 2;
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
    if ((c == '\'' || c == '"') && (quote == '\0' || quote == c)) quote = quote == '\0' ? c : '\0';
    ++at;
  }
  out += text.substr(copied);
  return out;
}

std::string first_line(std::string_view body) {
  const parser::Cut lines = parser::cut(parser::trim(body), '\n');
  return std::string(parser::trim(lines.before)) + (lines.found ? "..." : "");
}

}  // namespace

std::string instruction_display(const parser::Origin& origin, const parser::Lookup& lookup) {
  std::string text = with_values(origin.text, lookup);
  const std::size_t keyword = origin.keyword().size();
  text.replace(0, keyword, parser::to_upper(origin.keyword()));
  return text;
}

std::string without_logins(std::string_view text) {
  if (text.find("://") == std::string_view::npos) return std::string(text);
  std::string out;
  for (const std::string_view word : parser::split(text, ' ')) {
    if (!out.empty()) out += ' ';
    out += word.find("://") == std::string_view::npos ? std::string(word) : without_credentials(word);
  }
  return out;
}

std::string run_display(const parser::Run& run, const parser::Lookup& lookup) {
  std::string text = instruction_display(run.origin, lookup);
  if (!parser::is_sole_heredoc(run)) return text;
  return text + " (" + with_values(first_line(run.heredocs.front().body), lookup) + ")";
}

}  // namespace cooper::builder
