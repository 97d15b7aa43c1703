#include "parser/heredocs.h"

#include <optional>

#include "parser/text.h"

namespace cooper::parser {
namespace {

struct Span {
  std::size_t begin;
  std::size_t end;
};

// Position behind the quoted part that opens at `at`; npos if it never closes.
std::size_t skip_quotes(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (++at; at < text.size(); ++at) {
    if (text[at] == quote) return at + 1;
    if (text[at] == '\\' && quote == '"') ++at;
  }
  return std::string_view::npos;
}

// Words as a shell sees them, except that blanks behind "<<" belong to the word.
std::vector<Span> shell_words(std::string_view text) {
  std::vector<Span> words;
  std::size_t at = 0;
  while (at < text.size()) {
    if (is_space(text[at])) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    while (at < text.size() && !is_space(text[at])) {
      const char c = text[at];
      if (c == '\'' || c == '"') {
        at = skip_quotes(text, at);
        if (at == std::string_view::npos) return {};
      } else if (c == '\\') {
        at += 2;
      } else if (text.substr(at, 2) == "<<") {
        at += 2;
        while (at < text.size() && is_blank(text[at])) ++at;
      } else {
        ++at;
      }
    }
    at = std::min(at, text.size());
    words.push_back({begin, at});
  }
  return words;
}

// The delimiter without quotes and escapes.
void unquote_into(Heredoc& heredoc, std::string_view word) {
  char quote = '\0';
  for (std::size_t at = 0; at < word.size(); ++at) {
    const char c = word[at];
    if (quote == '\0' && (c == '\'' || c == '"')) {
      quote = c;
      heredoc.expand = false;
    } else if (quote != '\0' && c == quote) {
      quote = '\0';
    } else if (c == '\\' && quote != '\'' && at + 1 < word.size()) {
      const char following = word[at + 1];
      const bool protects =
          quote == '\0' || following == '"' || following == '\\' || following == '$';
      if (!protects) heredoc.name += c;
      heredoc.name += following;
      ++at;
    } else if (c != '\\' || quote == '\'') {
      heredoc.name += c;
    }
  }
}

std::optional<Heredoc> read_word(std::string_view word) {
  Heredoc heredoc;
  heredoc.word = word;
  std::size_t at = 0;
  while (at < word.size() && is_digit(word[at])) ++at;
  if (word.substr(at, 2) != "<<") return std::nullopt;
  constexpr unsigned long kMaxFd = 1UL << 20U;
  heredoc.fd = static_cast<int>(to_number(word.substr(0, at), 10, kMaxFd).value_or(0));
  at += 2;
  if (at < word.size() && word[at] == '-') {
    heredoc.strip_tabs = true;
    ++at;
  }
  const std::string_view delimiter = trim_left(word.substr(at));
  if (delimiter.find('<') != std::string_view::npos) return std::nullopt;
  unquote_into(heredoc, delimiter);
  if (heredoc.name.empty()) return std::nullopt;
  return heredoc;
}

}  // namespace

std::vector<HeredocWord> find_heredocs(std::string_view text) {
  std::vector<HeredocWord> found;
  if (text.find("<<") == std::string_view::npos) return found;
  for (const Span& span : shell_words(text)) {
    auto heredoc = read_word(text.substr(span.begin, span.end - span.begin));
    if (heredoc) found.push_back({span.begin, span.end, std::move(*heredoc)});
  }
  return found;
}

}  // namespace cooper::parser
