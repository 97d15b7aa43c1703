#include "parser/glob.h"

#include "base/error.h"
#include "parser/text.h"
#include "parser/utf8.h"

namespace cooper::parser {
namespace {

[[noreturn]] void fail(std::u32string_view pattern) {
  throw Error(Errc::invalid, cat("syntax error in pattern ", quoted(to_utf8(pattern))));
}

bool is_plain(std::u32string_view text) {
  return text.find_first_of(U"*?[]\\") == std::u32string_view::npos;
}

// One character of a set, escapes resolved.
char32_t set_character(std::u32string_view pattern, std::size_t& at) {
  if (at < pattern.size() && pattern[at] == U'\\') {
    ++at;
  } else if (at < pattern.size() && (pattern[at] == U'-' || pattern[at] == U']')) {
    fail(pattern);
  }
  if (at >= pattern.size()) fail(pattern);
  return pattern[at++];
}

}  // namespace

Glob::Glob(std::string_view pattern, Stars stars) {
  const std::u32string text = to_utf32(pattern);
  for (std::size_t at = 0; at < text.size();) {
    const char32_t character = text[at];
    if (character == U'*' && stars == Stars::deep && text.compare(at, 2, U"**") == 0) {
      add_stars(text, at);
    } else if (character == U'*' || character == U'?') {
      tokens_.push_back({character == U'*' ? Kind::star : Kind::any, false, 0, {}});
      ++at;
    } else if (character == U'[') {
      add_set(text, at);
    } else {
      if (character == U'\\' && ++at == text.size()) fail(text);
      tokens_.push_back({Kind::literal, false, text[at], {}});
      ++at;
    }
  }
}

// "**" with the '/' behind it, if any. At the end: everything. In front of plain text without '/':
// any ending ("**.o"). Elsewhere: any number of whole directories.
void Glob::add_stars(std::u32string_view pattern, std::size_t& at) {
  const bool leading = at == 0;
  at += 2;
  const bool slash = at < pattern.size() && pattern[at] == U'/';
  if (slash) ++at;
  if (at == pattern.size() || (leading && !slash && is_plain(pattern.substr(at)))) {
    tokens_.push_back({Kind::deep_star, false, 0, {}});
    return;
  }
  tokens_.push_back({Kind::deep_open, false, 0, {}});
  tokens_.push_back({Kind::deep_body, false, 0, {}});
}

void Glob::add_set(std::u32string_view pattern, std::size_t& at) {
  Token token{Kind::set, false, 0, {}};
  ++at;
  if (at < pattern.size() && pattern[at] == U'^') {
    token.negated = true;
    ++at;
  }
  while (at < pattern.size() && (pattern[at] != U']' || token.ranges.empty())) {
    const char32_t low = set_character(pattern, at);
    char32_t high = low;
    if (at < pattern.size() && pattern[at] == U'-') {
      ++at;
      high = set_character(pattern, at);
    }
    token.ranges.emplace_back(low, high);
  }
  if (at == pattern.size()) fail(pattern);
  ++at;
  tokens_.push_back(std::move(token));
}

bool Glob::accepts(const Token& token, char32_t character) {
  switch (token.kind) {
    case Kind::literal:
      return token.character == character;
    case Kind::any:
    case Kind::star:
      return character != U'/';
    case Kind::deep_star:
    case Kind::deep_body:
      return true;
    case Kind::deep_open:
      return false;
    case Kind::set:
      break;
  }
  for (const auto& [low, high] : token.ranges) {
    if (low <= character && character <= high) return !token.negated;
  }
  return token.negated;
}

// What may match nothing lets the states behind it begin.
void Glob::close(States& states) const {
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    if (states[i] == 0) continue;
    const Kind kind = tokens_[i].kind;
    if (kind == Kind::star || kind == Kind::deep_star) states[i + 1] = 1;
    if (kind == Kind::deep_open) states[i + 1] = states[i + 2] = 1;
  }
}

Glob::States Glob::start() const {
  States states(tokens_.size() + 1, 0);
  states[0] = 1;
  close(states);
  return states;
}

bool Glob::step(char32_t character, States& states) const {
  bool alive = false;
  states[tokens_.size()] = 0;
  // Downwards, so that states[i + 1] is written before it is read for this character.
  for (std::size_t i = tokens_.size(); i-- > 0;) {
    if (states[i] == 0) continue;
    states[i] = 0;
    const Token& token = tokens_[i];
    if (!accepts(token, character)) continue;
    alive = true;
    const bool stays =
        token.kind == Kind::star || token.kind == Kind::deep_star || token.kind == Kind::deep_body;
    if (stays) states[i] = 1;
    if (!stays || (token.kind == Kind::deep_body && character == U'/')) states[i + 1] = 1;
  }
  close(states);
  return alive;
}

bool Glob::matches(std::string_view text) const {
  States states = start();
  for (std::size_t at = 0; at < text.size();) {
    if (!step(decode_utf8(text, at), states)) return false;
  }
  return states.back() != 0;
}

bool Glob::matches_path_or_parent(std::string_view text) const {
  States states = start();
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '/' && states.back() != 0) return true;
    if (!step(decode_utf8(text, at), states)) return false;
  }
  return states.back() != 0;
}

bool Glob::may_match_beneath(std::string_view directory) const {
  States states = start();
  for (std::size_t at = 0; at < directory.size();) {
    if (!step(decode_utf8(directory, at), states)) return false;
  }
  if (!directory.empty() && !step(U'/', states)) return false;
  states.pop_back();  // a whole match leaves nothing to be found beneath
  for (const auto state : states) {
    if (state != 0) return true;
  }
  return false;
}

bool has_wildcard(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '*' || text[at] == '?' || text[at] == '[') {
      return true;
    }
  }
  return false;
}

std::string unescape_glob(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 1 < text.size()) ++at;
    out += text[at];
  }
  return out;
}

bool glob_match(std::string_view pattern, std::string_view name) {
  return Glob(pattern).matches(name);
}

bool glob_match_deep(std::string_view pattern, std::string_view path) {
  return Glob(pattern, Glob::Stars::deep).matches(path);
}

}  // namespace cooper::parser
