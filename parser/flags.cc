#include "parser/flags.h"

#include <algorithm>

#include "parser/source.h"
#include "parser/suggest.h"
#include "parser/text.h"

namespace cooper::parser {
namespace {

// One word, quotes removed, escapes resolved; `at` moves to the blank behind it. Unlike in
// expansion, the escape character works inside single quotes too.
std::string take_word(std::string_view text, std::size_t& at, char escape) {
  std::string word;
  char quote = '\0';
  for (; at < text.size(); ++at) {
    char c = text[at];
    if (quote == '\0' && is_space(c)) break;
    if (quote == '\0' && (c == '\'' || c == '"')) {
      quote = c;
      continue;
    }
    if (quote != '\0' && c == quote) {
      quote = '\0';
      continue;
    }
    if (c == escape) {
      if (at + 1 == text.size()) continue;
      c = text[++at];
    }
    word += c;
  }
  return word;
}

const FlagSpec& find_spec(std::string_view name, std::span<const FlagSpec> specs) {
  const auto found = std::ranges::find(specs, name, &FlagSpec::name);
  if (found != specs.end()) return *found;
  std::vector<std::string_view> names;
  for (const FlagSpec& spec : specs) names.push_back(spec.name);
  throw DockerfileError(cat("unknown flag: --", name, did_you_mean(find_suggestion(name, names))));
}

std::string boolean_text(std::string_view name, const Cut& parts) {
  const std::string value = to_lower(parts.after);
  if (!parts.found) return "true";
  if (value == "true" || value == "false") return value;
  if (value.empty()) {
    throw DockerfileError(cat("missing a value on flag: --", name, ", expecting boolean value"));
  }
  throw DockerfileError(cat("expecting boolean value for flag --", name, ", not: ", parts.after));
}

}  // namespace

LexedFlags lex_flags(std::string_view text, char escape) {
  LexedFlags lexed;
  std::size_t at = 0;
  while (true) {
    while (at < text.size() && is_space(text[at])) ++at;
    if (text.substr(at, 2) != "--") break;
    std::string word = take_word(text, at, escape);
    if (word == "--") break;
    lexed.flags.push_back(std::move(word));
  }
  lexed.rest = trim(text.substr(at));
  return lexed;
}

Flags::Flags(const std::vector<std::string>& lexed, std::span<const FlagSpec> specs) {
  for (const std::string& flag : lexed) {
    const Cut parts = cut(std::string_view(flag).substr(2), '=');
    const FlagSpec& spec = find_spec(parts.before, specs);
    if (spec.kind != FlagKind::list && find(spec.name) != nullptr) {
      throw DockerfileError(cat("duplicate flag specified: --", spec.name));
    }
    if (spec.kind == FlagKind::boolean) {
      given_.push_back({spec.name, boolean_text(spec.name, parts)});
    } else if (parts.found) {
      given_.push_back({spec.name, std::string(parts.after)});
    } else {
      throw DockerfileError(cat("missing a value on flag: --", spec.name));
    }
  }
}

const Flags::Given* Flags::find(std::string_view name) const {
  const auto found = std::ranges::find(given_, name, &Given::name);
  return found == given_.end() ? nullptr : &*found;
}

std::optional<std::string> Flags::value(std::string_view name) const {
  const Given* given = find(name);
  return given == nullptr ? std::nullopt : std::optional(given->value);
}

std::optional<bool> Flags::boolean(std::string_view name) const {
  const Given* given = find(name);
  return given == nullptr ? std::nullopt : std::optional(given->value == "true");
}

std::vector<std::string> Flags::list(std::string_view name) const {
  std::vector<std::string> values;
  for (const Given& given : given_) {
    if (given.name == name) values.push_back(given.value);
  }
  return values;
}

}  // namespace cooper::parser
