#include "parser/excerpt.h"

#include <algorithm>
#include <cstdio>

#include "parser/text.h"

namespace cooper::parser {
namespace {

bool marked(const std::vector<SourceRange>& ranges, int line) {
  return std::any_of(ranges.begin(), ranges.end(), [line](const SourceRange& range) {
    return range.first_line <= line && line <= std::max(range.first_line, range.last_line);
  });
}

std::string numbered(int line, bool mark, std::string_view text) {
  char head[32];
  const int length = std::snprintf(head, sizeof head, " %3d | %s ", line, mark ? ">>>" : "   ");
  std::string out(head, static_cast<std::size_t>(length));
  out += text;
  while (is_space(out.back())) out.pop_back();
  return out + '\n';
}

}  // namespace

SourceLines::SourceLines(std::string_view text) : lines_(split(text, '\n')) {
  if (lines_.size() > 1 && lines_.back().empty()) lines_.pop_back();  // behind the last newline
}

std::string SourceLines::excerpt(std::string_view name, const std::vector<SourceRange>& ranges) const {
  constexpr std::string_view kRuler = "--------------------\n";
  if (ranges.empty()) return "";
  const int count = static_cast<int>(lines_.size());
  int first = ranges.front().first_line;
  int last = 0;
  for (const SourceRange& range : ranges) {
    first = std::min(first, range.first_line);
    last = std::max({last, range.first_line, range.last_line});
  }
  if (first < 1 || first > count) return "";
  last = std::min(last, count);
  const int context = first == last ? 2 : 1;  // ERR-01
  std::string out = cat(name, ":", first, "\n", kRuler);
  for (int line = std::max(1, first - context); line <= std::min(count, last + context); ++line) {
    out += numbered(line, marked(ranges, line), lines_[static_cast<std::size_t>(line) - 1]);
  }
  return out.append(kRuler);
}

std::string source_excerpt(std::string_view name, std::string_view text,
                           const std::vector<SourceRange>& ranges) {
  return SourceLines(text).excerpt(name, ranges);
}

}  // namespace cooper::parser
