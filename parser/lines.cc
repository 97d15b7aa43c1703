#include "parser/lines.h"

#include "parser/text.h"

namespace cooper::parser {
namespace {

std::string_view without_newline(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  return line;
}

bool is_comment(std::string_view line) {
  line = trim_left(line);
  return !line.empty() && line.front() == '#';
}

std::string_view without_tabs(std::string_view line) {
  while (!line.empty() && line.front() == '\t') line.remove_prefix(1);
  return line;
}

}  // namespace

LineReader::LineReader(std::string_view text, char escape, int directive_lines)
    : rest_(text), escape_(escape), directive_lines_(directive_lines) {}

std::optional<std::string_view> LineReader::physical() {
  if (rest_.empty()) return std::nullopt;
  ++line_;
  const std::size_t newline = rest_.find('\n');
  const std::string_view line =
      rest_.substr(0, newline == std::string_view::npos ? newline : newline + 1);
  if (std::min(newline, rest_.size()) > kMaxLineBytes) {
    throw DockerfileError(cat("dockerfile line greater than max allowed size of ", kMaxLineBytes),
                          {{line_, line_}});
  }
  rest_.remove_prefix(line.size());
  return line;
}

// LEX-07: the escape character at the end, blanks behind it, but not doubled.
bool LineReader::cut_continuation(std::string_view& line) const {
  std::string_view text = line;
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  if (text.empty() || text.back() != escape_) return false;
  text.remove_suffix(1);
  if (!text.empty() && text.back() == escape_) return false;
  line = text;
  return true;
}

void LineReader::note_comment(std::string_view line) {
  if (line_ <= directive_lines_) return;
  const std::string_view comment = trim(trim_left(line).substr(1));
  if (comment.empty()) {
    comments_.clear();  // CALL-05: an empty '#' breaks the link
  } else {
    comments_.emplace_back(comment);
  }
}

std::optional<LogicalLine> LineReader::next() {
  while (const auto line = physical()) {
    if (is_comment(*line)) {
      note_comment(*line);
      continue;
    }
    std::string_view text = trim_left(without_newline(*line));
    const bool continued = cut_continuation(text);
    if (text.empty() && !continued) continue;
    LogicalLine logical;
    logical.text = text;
    logical.range = {line_, line_};
    if (continued) continue_line(logical);
    logical.range.last_line = line_;
    if (trim(logical.text).empty()) continue;  // nothing but continuation characters
    logical.comments = std::move(comments_);
    comments_.clear();
    return logical;
  }
  return std::nullopt;
}

void LineReader::continue_line(LogicalLine& logical) {
  while (const auto line = physical()) {
    if (is_comment(*line)) continue;  // LEX-05
    std::string_view text = without_newline(*line);
    if (trim_left(text).empty()) {
      logical.empty_continuation = true;
      continue;
    }
    const bool continued = cut_continuation(text);
    logical.text += text;
    if (!continued) return;
  }
}

void LineReader::read_body(Heredoc& heredoc, SourceRange& range) {
  const SourceRange opened = range;
  while (const auto line = physical()) {
    range.last_line = line_;
    std::string_view candidate = without_newline(*line);
    if (heredoc.strip_tabs) candidate = without_tabs(candidate);
    if (candidate == heredoc.name) return;
    heredoc.raw_body += *line;
    heredoc.body += heredoc.strip_tabs ? without_tabs(*line) : *line;
  }
  throw DockerfileError(cat("unterminated heredoc: no line reads ", quoted(heredoc.name)),
                        {{opened.first_line, opened.last_line}});
}

}  // namespace cooper::parser
