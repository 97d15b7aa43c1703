#include "parser/substitution.h"

#include <algorithm>
#include <unordered_map>

#include "parser/source.h"
#include "parser/utf8.h"

namespace cooper::parser {

SubstitutionPattern::SubstitutionPattern(std::string_view pattern) {
  const std::u32string text = to_utf32(pattern);
  for (std::size_t at = 0; at < text.size(); ++at) {
    char32_t character = text[at];
    if (character == U'*' || character == U'?') {
      const bool star = character == U'*';
      const bool again = star && !tokens_.empty() && tokens_.back().kind == Kind::star;
      if (!again) tokens_.push_back({star ? Kind::star : Kind::any, 0});
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

// The tokens as a machine that is in all its states at once, 64 to a word: a step costs pattern
// / 64.
class SubstitutionPattern::Automaton {
 public:
  explicit Automaton(const std::vector<Token>& tokens);

  void begin() {
    std::fill(states_.begin(), states_.end(), 0);
    begin_here();
  }
  // A match may start here, too.
  void begin_here() {
    states_[0] |= 1U;
    close();
  }
  bool step(char32_t character);  // false when no state is left
  bool matched() const noexcept { return has(states_, length_); }

 private:
  using Word = std::uint64_t;
  using Bits = std::vector<Word>;  // bit i: the first i tokens may have matched, or: about token i
  struct Places {
    std::vector<std::size_t> few;  // tokens of this character
    Bits many;                     // the same as bits, where that is quicker
  };

  static bool has(const Bits& bits, std::size_t i) { return (bits[i / 64] >> (i % 64) & 1U) != 0; }
  static void set(Bits& bits, std::size_t i) { bits[i / 64] |= Word{1} << (i % 64); }
  void close();

  std::size_t length_;
  Bits states_;
  Bits next_;
  Bits stars_;
  Bits any_;
  std::unordered_map<char32_t, Places> literals_;
};

SubstitutionPattern::Automaton::Automaton(const std::vector<Token>& tokens)
    : length_(tokens.size()),
      states_(length_ / 64 + 1, 0),
      next_(states_),
      stars_(states_),
      any_(states_) {
  for (std::size_t i = 0; i < length_; ++i) {
    if (tokens[i].kind == Kind::star) set(stars_, i);
    if (tokens[i].kind == Kind::any) set(any_, i);
    if (tokens[i].kind == Kind::literal) literals_[tokens[i].character].few.push_back(i);
  }
  for (auto& [character, places] : literals_) {
    if (places.few.size() <= states_.size()) continue;
    places.many.resize(states_.size(), 0);  // at most 64 characters are that frequent
    for (const std::size_t i : places.few) set(places.many, i);
    places.few.clear();
  }
}

// A star may match nothing. No two stars are neighbours, so one pass is enough.
void SubstitutionPattern::Automaton::close() {
  Word carry = 0;
  for (std::size_t w = 0; w < states_.size(); ++w) {
    const Word open = states_[w] & stars_[w];
    states_[w] |= open << 1U | carry;
    carry = open >> 63U;
  }
}

bool SubstitutionPattern::Automaton::step(char32_t character) {
  const Word in_line = character == U'\n' ? 0 : ~Word{0};  // what '*' and '?' take
  const auto found = literals_.find(character);
  const Places* literal = found == literals_.end() ? nullptr : &found->second;
  const bool dense = literal != nullptr && !literal->many.empty();
  Word carry = 0;
  for (std::size_t w = 0; w < states_.size(); ++w) {
    Word moving = states_[w] & any_[w] & in_line;
    if (dense) moving |= states_[w] & literal->many[w];
    next_[w] = moving << 1U | carry | (states_[w] & stars_[w] & in_line);
    carry = moving >> 63U;
  }
  if (literal != nullptr) {
    for (const std::size_t i : literal->few) {
      if (has(states_, i)) set(next_, i + 1);
    }
  }
  states_.swap(next_);
  close();
  return std::any_of(states_.begin(), states_.end(), [](Word word) { return word != 0; });
}

// Of a match that starts at the start of text.
std::optional<std::size_t> SubstitutionPattern::match_length(Automaton& automaton,
                                                             std::u32string_view text,
                                                             Reach reach) {
  automaton.begin();
  std::optional<std::size_t> length;
  for (std::size_t at = 0;; ++at) {
    if (automaton.matched()) length = at;
    if (length && reach == Reach::shortest) return length;
    if (at == text.size() || !automaton.step(text[at])) return length;
  }
}

std::string SubstitutionPattern::strip_prefix(std::string_view value, Reach reach) const {
  const std::u32string text = to_utf32(value);
  Automaton automaton(tokens_);
  const auto length = match_length(automaton, text, reach);
  return to_utf8(std::u32string_view(text).substr(length.value_or(0)));
}

std::string SubstitutionPattern::strip_suffix(std::string_view value, Reach reach) const {
  std::u32string text = to_utf32(value);
  std::reverse(text.begin(), text.end());
  Automaton reversed({tokens_.rbegin(), tokens_.rend()});
  text.erase(0, match_length(reversed, text, reach).value_or(0));
  std::reverse(text.begin(), text.end());
  return to_utf8(text);
}

// [i]: a match starts at i. Read backwards with the pattern reversed, so that one pass finds all
// starts.
std::vector<std::uint8_t> SubstitutionPattern::match_starts(std::u32string_view text) const {
  Automaton reversed({tokens_.rbegin(), tokens_.rend()});
  std::vector<std::uint8_t> starts(text.size() + 1, 0);
  for (std::size_t at = text.size() + 1; at-- > 0;) {
    if (at < text.size()) reversed.step(text[at]);
    reversed.begin_here();  // a match may end here
    starts[at] = reversed.matched() ? 1 : 0;
  }
  return starts;
}

std::optional<std::string> SubstitutionPattern::replace(std::string_view value,
                                                        std::string_view replacement, bool all,
                                                        std::size_t max_bytes) const {
  const std::u32string text = to_utf32(value);
  const std::vector<std::uint8_t> starts = match_starts(text);
  Automaton automaton(tokens_);
  std::string out;
  bool done = false;
  bool behind_match = false;  // an empty match right behind another one does not count
  for (std::size_t at = 0; at <= text.size();) {
    std::size_t length = 0;
    if (!done && starts[at] != 0) {
      length =
          match_length(automaton, std::u32string_view(text).substr(at), Reach::longest).value_or(0);
      if (length > 0 || !behind_match) {
        if (out.size() + replacement.size() > max_bytes) return std::nullopt;
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
