// Just enough of a C++ lexer to tell code from comments and literals.
#include <algorithm>

#include "tests/architecture/checker.h"

namespace cooper::architecture {
namespace {

class Blanker {
 public:
  Blanker(std::string_view content, bool keep_strings)
      : in_(content), out_(content), keep_strings_(keep_strings) {}

  std::string run() {
    while (at_ < in_.size()) step();
    return std::move(out_);
  }

 private:
  bool starts(std::string_view text) const { return in_.substr(at_).starts_with(text); }

  void blank(std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      if (out_[i] != '\n') out_[i] = ' ';
    }
  }

  // Blanks from here to the end of the first `end`, or of the text.
  void skip_comment(std::string_view end) {
    const std::size_t found = in_.find(end, at_ + 2);
    const std::size_t to = found == std::string_view::npos ? in_.size() : found + end.size();
    blank(at_, to);
    at_ = to;
  }

  void skip_raw_string() {
    const std::size_t open = in_.find('(', at_);
    if (open == std::string_view::npos) {
      at_ = in_.size();
      return;
    }
    std::string end(")");
    end.append(in_.substr(at_ + 2, open - at_ - 2)).append("\"");
    const std::size_t found = in_.find(end, open);
    const std::size_t to = found == std::string_view::npos ? in_.size() : found + end.size();
    if (!keep_strings_) blank(at_ + 2, std::max(at_ + 2, to - 1));
    at_ = to;
  }

  void skip_literal(char quote) {
    std::size_t to = at_ + 1;
    while (to < in_.size() && in_[to] != quote && in_[to] != '\n') to += in_[to] == '\\' ? 2 : 1;
    to = std::min(to, in_.size());
    if (!keep_strings_) blank(at_ + 1, to);
    at_ = std::min(to + 1, in_.size());
  }

  // 1'000 and 0x1f'ff: a quote between the digits of a number opens nothing.
  bool in_number() const {
    const auto is_word = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    if (at_ == 0 || !is_word(in_[at_ - 1])) return false;
    std::size_t start = at_;
    while (start > 0 && (is_word(in_[start - 1]) || in_[start - 1] == '\'')) --start;
    return in_[start] >= '0' && in_[start] <= '9';
  }

  void step() {
    if (starts("//")) return skip_comment("\n");
    if (starts("/*")) return skip_comment("*/");
    if (starts("R\"")) return skip_raw_string();
    if (in_[at_] == '"') return skip_literal('"');
    if (in_[at_] == '\'' && !in_number()) return skip_literal('\'');
    ++at_;
  }

  std::string_view in_;
  std::string out_;
  bool keep_strings_;
  std::size_t at_ = 0;
};

}  // namespace

std::string blank_out(std::string_view content, bool keep_strings) {
  return Blanker(content, keep_strings).run();
}

}  // namespace cooper::architecture
