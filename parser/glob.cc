#include "parser/glob.h"

#include "parser/utf8.h"

namespace cooper::parser {

Glob::Glob(std::string_view pattern, Stars stars) : tokens_(parse_glob(pattern, stars, sets_)) {}

// What may match nothing lets the states behind it begin.
void Glob::close(States& states) const {
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    if (states[i] == 0) continue;
    const GlobKind kind = tokens_[i].kind;
    if (kind == GlobKind::star || kind == GlobKind::deep_star) states[i + 1] = 1;
    if (kind == GlobKind::deep_open) states[i + 1] = states[i + 2] = 1;
  }
}

bool Glob::step(char32_t character, States& states) const {
  bool alive = false;
  states[tokens_.size()] = 0;
  // Downwards, so that states[i + 1] is written before it is read for this character.
  for (std::size_t i = tokens_.size(); i-- > 0;) {
    if (states[i] == 0) continue;
    states[i] = 0;
    const GlobToken& token = tokens_[i];
    if (!accepts(token, character, sets_)) continue;
    alive = true;
    const bool body = token.kind == GlobKind::deep_body;
    const bool stays = body || token.kind == GlobKind::star || token.kind == GlobKind::deep_star;
    if (stays) states[i] = 1;
    if (!stays || (body && character == U'/')) states[i + 1] = 1;
  }
  close(states);
  return alive;
}

bool Glob::matches(std::string_view text) const {
  States states(tokens_.size() + 1, 0);
  states[0] = 1;
  close(states);
  for (std::size_t at = 0; at < text.size();) {
    if (!step(decode_utf8(text, at), states)) return false;
  }
  return states.back() != 0;
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
  return Glob(pattern, Stars::deep).matches(path);
}

}  // namespace cooper::parser
