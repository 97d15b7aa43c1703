#include "parser/words.h"

#include "parser/text.h"

namespace cooper::parser {

std::vector<std::string_view> split_quoted_words(std::string_view text, char escape) {
  constexpr std::size_t kUsual = 4;
  std::vector<std::string_view> words;
  words.reserve(kUsual);
  std::size_t begin = 0;
  const auto add = [&](std::size_t end) {
    if (end > begin) words.push_back(text.substr(begin, end - begin));
  };
  char quote = '\0';
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quote == '\0' && is_space(c)) {
      add(at);
      begin = at + 1;
    } else if (c == escape && quote != '\'') {
      if (at + 1 == text.size()) text.remove_suffix(1);
      ++at;
    } else if (quote == '\0' && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote) {
      quote = '\0';
    }
  }
  add(text.size());
  return words;
}

}  // namespace cooper::parser
