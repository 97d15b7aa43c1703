// Word expansion. Input: the escape character's choice (a leading '`' line), lines NAME=VALUE, an
// empty line, the word.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "parser/expand.h"
#include "parser/source.h"
#include "parser/text.h"
#include "tests/fuzz/check.h"

namespace cooper::parser {
namespace {

using fuzz::attempt;
using fuzz::require;
using Environment = std::map<std::string, std::string, std::less<>>;

struct Input {
  char escape = '\\';
  Environment environment;
  std::string_view word;
};

Input read_input(std::string_view text) {
  Input input;
  if (text.starts_with("`\n")) input.escape = fuzz::take_until(text, '\n').front();
  while (!text.empty()) {
    const Cut pair = cut(fuzz::take_until(text, '\n'), '=');
    if (!pair.found) break;
    input.environment.insert_or_assign(std::string(pair.before), std::string(pair.after));
  }
  input.word = text;
  return input;
}

std::string without_blanks(std::string text) {
  std::erase_if(text, is_space);
  return text;
}

void check_unset(const Input& input, const std::vector<std::string>& unset) {
  const std::set<std::string> once(unset.begin(), unset.end());
  require(once.size() == unset.size(), "an unset name is told once");
  for (const std::string& name : unset)
    require(!input.environment.contains(name), "an unset name has no value");
  if (input.word.find('\\') != std::string_view::npos)
    return;  // may be a bad pattern with other values
  for (const std::string& name : referenced_names(input.word, input.escape))
    require(once.contains(name) || input.environment.contains(name), "a name is set or unset");
}

}  // namespace
}  // namespace cooper::parser

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cooper::parser;
  using cooper::Errc;
  const Input input = read_input(cooper::fuzz::text_of(data, size));
  const Lookup look_up = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = input.environment.find(name);
    if (found == input.environment.end()) return std::nullopt;
    return found->second;
  };
  const auto refusing = [](auto body) { return attempt<DockerfileError>({Errc::invalid}, body); };
  const std::size_t most = input.word.size() + kMaxExpansionBytes;
  std::vector<std::string> unset;
  const auto word =
      refusing([&] { return expand_word(input.word, input.escape, look_up, &unset); });
  const auto words = refusing([&] { return expand_words(input.word, input.escape, look_up); });
  require(word.has_value() == words.has_value(), "one word or many, the same is malformed");
  if (word) {
    require(word->size() <= most, "expansion is bounded");
    std::string joined;
    for (const std::string& piece : *words) joined += piece;
    require(without_blanks(joined) == without_blanks(*word), "one word or many, the same text");
    check_unset(input, unset);
    const bool plain = input.word.find_first_of("$'\"\\`") == std::string_view::npos;
    require(!plain || *word == input.word, "what has nothing to expand stays");
  }
  const auto body = refusing([&] { return expand_heredoc(input.word, look_up); });
  require(!body || body->size() <= most, "expansion is bounded");
  const bool plain = input.word.find_first_of("$\\") == std::string_view::npos;
  require(!plain || body == input.word, "a body that has nothing to expand stays");
  return 0;
}
