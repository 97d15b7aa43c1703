#include "parser/statement.h"

#include <algorithm>
#include <iterator>

#include "parser/heredocs.h"
#include "parser/json_text.h"
#include "parser/text.h"
#include "parser/words.h"

namespace cooper::parser {
namespace {

// True if text was a JSON array, now in words. Throws if it holds other things than strings
// (LEX-19).
bool take_json(std::string_view text, Statement& statement) {
  JsonArray array = read_json_array(text);
  if (array.form == JsonForm::none) return false;
  if (array.form == JsonForm::mixed) {
    throw DockerfileError("when using JSON array syntax, arrays must be comprised of strings only");
  }
  std::move(array.strings.begin(), array.strings.end(), std::back_inserter(statement.words));
  statement.json = true;
  return true;
}

void take_line(std::string_view text, Statement& statement) {
  if (!text.empty()) statement.words.emplace_back(text);
}

void take_list(Statement& statement) {
  const std::string_view text = statement.rest();
  std::vector<std::string>& words = statement.words;
  const auto add = [&words](std::string_view part) {
    std::vector<std::string> more = split_blanks(part);
    if (words.empty()) {
      words = std::move(more);
    } else {
      std::move(more.begin(), more.end(), std::back_inserter(words));
    }
  };
  std::size_t at = 0;
  for (const HeredocWord& word : find_heredocs(text)) {
    add(text.substr(at, word.begin - at));
    words.emplace_back(text.substr(word.begin, word.end - word.begin));
    at = word.end;
  }
  add(text.substr(at));
}

// ENV-01, ENV-02.
void take_pairs(Statement& statement) {
  const auto words = split_quoted_words(statement.rest(), statement.escape);
  std::vector<std::string>& out = statement.words;
  if (words.empty()) return;
  if (words.front().find('=') == std::string::npos) {
    const std::string_view text = statement.rest();
    std::size_t end = 0;
    while (end < text.size() && !is_blank(text[end])) ++end;
    if (end == text.size()) {
      throw DockerfileError(to_upper(statement.origin.keyword()) + " must have two arguments");
    }
    statement.legacy_pair = true;
    out.emplace_back(text.substr(0, end));
    out.emplace_back(trim_left(text.substr(end)));
    return;
  }
  out.reserve(2 * words.size());
  for (const std::string_view word : words) {
    const Cut pair = cut(word, '=');
    if (!pair.found) {
      throw DockerfileError(cat("Syntax error - can't find = in ", quoted(word),
                                ". Must be of the form: name=value"));
    }
    out.emplace_back(pair.before);
    out.emplace_back(pair.after);
  }
}

void take_health(Statement& statement) {
  const std::string_view text = statement.rest();
  std::size_t end = 0;
  while (end < text.size() && !is_space(text[end])) ++end;
  if (end == 0) return;
  statement.words.emplace_back(text.substr(0, end));
  const std::string_view command = trim_left(text.substr(end));
  if (!take_json(command, statement)) take_line(command, statement);
}

}  // namespace

Statement open_statement(std::string line, char escape) {
  Statement statement;
  statement.escape = escape;
  const std::string_view text = trim(line);
  if (text.size() < line.size()) line = std::string(text);
  statement.origin.text = std::move(line);
  const std::string_view whole = statement.origin.text;
  LexedFlags lexed = lex_flags(whole.substr(statement.origin.keyword().size()), escape);
  statement.written_flags = std::move(lexed.flags);
  statement.rest_begin = whole.size() - lexed.rest.size();
  return statement;
}

void split_arguments(ArgumentForm form, Statement& statement) {
  switch (form) {
    case ArgumentForm::blanks:
      statement.words = split_blanks(statement.rest());
      return;
    case ArgumentForm::json_or_list:
      if (!take_json(statement.rest(), statement)) take_list(statement);
      return;
    case ArgumentForm::json_or_line:
      if (!take_json(statement.rest(), statement)) take_line(statement.rest(), statement);
      return;
    case ArgumentForm::one_line:
    case ArgumentForm::trigger:
      take_line(statement.rest(), statement);
      return;
    case ArgumentForm::quoted_words:
      for (const std::string_view word : split_quoted_words(statement.rest(), statement.escape)) {
        statement.words.emplace_back(word);
      }
      return;
    case ArgumentForm::pairs:
      take_pairs(statement);
      return;
    case ArgumentForm::health:
      take_health(statement);
      return;
  }
}

}  // namespace cooper::parser
