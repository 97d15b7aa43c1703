#include "parser/substitution.h"

#include <algorithm>

#include "parser/source.h"
#include "parser/utf8.h"

namespace cooper::parser {

SubstitutionPattern::SubstitutionPattern(std::string_view pattern) {
  const std::u32string text = to_utf32(pattern);
  for (std::size_t at = 0; at < text.size(); ++at) {
    char32_t character = text[at];
    if (character == U'*' || character == U'?') {
      tokens_.push_back({character == U'*' ? Kind::star : Kind::any, 0});
      continue;
    }
    if (character == U'\\') {
      character = ++at < text.size() ? text[at] : U' ';
      if (std::u32string_view(U"*?\\}/").find(character) == std::u32string_view::npos) {
        throw DockerfileError(cat("invalid pattern (", pattern,
                                  ") in substitution: invalid escape '\\", to_utf8({&character, 1}),
                                  "'"));
      }
    }
    tokens_.push_back({Kind::literal, character});
  }
}

// A star may match nothing.
void SubstitutionPattern::close(const std::vector<Token>& tokens, States& states) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (states[i] != 0 && tokens[i].kind == Kind::star) states[i + 1] = 1;
  }
}

// False when no state is left.
bool SubstitutionPattern::step(const std::vector<Token>& tokens, char32_t character,
                               States& states) {
  bool alive = false;
  // Downwards, so that states[i + 1] is written before it is read for this character.
  states[tokens.size()] = 0;
  for (std::size_t i = tokens.size(); i-- > 0;) {
    if (states[i] == 0) continue;
    const Token& token = tokens[i];
    const bool stays = token.kind == Kind::star && character != U'\n';
    const bool moves = (token.kind == Kind::any && character != U'\n') ||
                       (token.kind == Kind::literal && token.character == character);
    if (moves) states[i + 1] = 1;
    states[i] = stays ? 1 : 0;
    alive = alive || stays || moves;
  }
  close(tokens, states);
  return alive;
}

// Of a match that starts at the start of text.
std::optional<std::size_t> SubstitutionPattern::match_length(const std::vector<Token>& tokens,
                                                             std::u32string_view text,
                                                             Reach reach) {
  States states(tokens.size() + 1, 0);
  states[0] = 1;
  close(tokens, states);
  std::optional<std::size_t> length;
  for (std::size_t at = 0;; ++at) {
    if (states.back() != 0) length = at;
    if (length && reach == Reach::shortest) return length;
    if (at == text.size() || !step(tokens, text[at], states)) return length;
  }
}

std::string SubstitutionPattern::strip_prefix(std::string_view value, Reach reach) const {
  const std::u32string text = to_utf32(value);
  const auto length = match_length(tokens_, text, reach);
  return to_utf8(std::u32string_view(text).substr(length.value_or(0)));
}

std::string SubstitutionPattern::strip_suffix(std::string_view value, Reach reach) const {
  std::u32string text = to_utf32(value);
  std::reverse(text.begin(), text.end());
  const std::vector<Token> reversed(tokens_.rbegin(), tokens_.rend());
  text.erase(0, match_length(reversed, text, reach).value_or(0));
  std::reverse(text.begin(), text.end());
  return to_utf8(text);
}

// [i]: a match starts at i. Read backwards with the pattern reversed, so that one pass finds all
// starts.
std::vector<std::uint8_t> SubstitutionPattern::match_starts(std::u32string_view text) const {
  const std::vector<Token> reversed(tokens_.rbegin(), tokens_.rend());
  std::vector<std::uint8_t> starts(text.size() + 1, 0);
  States states(tokens_.size() + 1, 0);
  for (std::size_t at = text.size() + 1; at-- > 0;) {
    if (at < text.size()) step(reversed, text[at], states);
    states[0] = 1;  // a match may end here
    close(reversed, states);
    starts[at] = states.back();
  }
  return starts;
}

std::string SubstitutionPattern::replace(std::string_view value, std::string_view replacement,
                                         bool all) const {
  const std::u32string text = to_utf32(value);
  const std::vector<std::uint8_t> starts = match_starts(text);
  std::string out;
  bool done = false;
  bool behind_match = false;  // an empty match right behind another one does not count
  for (std::size_t at = 0; at <= text.size();) {
    std::size_t length = 0;
    if (!done && starts[at] != 0) {
      length =
          match_length(tokens_, std::u32string_view(text).substr(at), Reach::longest).value_or(0);
      if (length > 0 || !behind_match) {
        out += replacement;
        done = !all;
      }
    }
    behind_match = length > 0;
    if (length > 0) {
      at += length;
      continue;
    }
    if (at < text.size()) append_utf8(out, text[at]);
    ++at;
  }
  return out;
}

}  // namespace cooper::parser
