#include "parser/glob_tokens.h"

#include <string>

#include "base/error.h"
#include "parser/text.h"
#include "parser/utf8.h"

namespace cooper::parser {
namespace {

class GlobParser {
 public:
  GlobParser(std::string_view pattern, Stars stars, CharacterSets& sets)
      : text_(to_utf32(pattern)), stars_(stars), sets_(sets) {}

  std::vector<GlobToken> run() && {
    tokens_.reserve(text_.size());
    while (at_ < text_.size()) add_token();
    return std::move(tokens_);
  }

 private:
  void add_token() {
    const char32_t character = text_[at_];
    if (character == U'*' && stars_ == Stars::deep && text_.compare(at_, 2, U"**") == 0) {
      add_stars();
    } else if (character == U'*' || character == U'?') {
      tokens_.push_back({character == U'*' ? GlobKind::star : GlobKind::any, 0});
      ++at_;
    } else if (character == U'[') {
      add_set();
    } else {
      if (character == U'\\' && ++at_ == text_.size()) fail();
      tokens_.push_back({GlobKind::literal, text_[at_]});
      ++at_;
    }
  }

  // "**" with the '/' behind it, if any. At the end: everything. In front of plain text without
  // '/': any ending ("**.o"). Elsewhere: any number of whole directories.
  void add_stars() {
    const bool leading = at_ == 0;
    at_ += 2;
    const bool slash = at_ < text_.size() && text_[at_] == U'/';
    if (slash) ++at_;
    if (at_ == text_.size() || (leading && !slash && rest_is_plain())) {
      tokens_.push_back({GlobKind::deep_star, 0});
      return;
    }
    tokens_.push_back({GlobKind::deep_open, 0});
    tokens_.push_back({GlobKind::deep_body, 0});
  }

  void add_set() {
    CharacterSet set;
    ++at_;
    if (at_ < text_.size() && text_[at_] == U'^') {
      set.negated = true;
      ++at_;
    }
    while (at_ < text_.size() && (text_[at_] != U']' || set.ranges.empty())) {
      const char32_t low = set_character();
      char32_t high = low;
      if (at_ < text_.size() && text_[at_] == U'-') {
        ++at_;
        high = set_character();
      }
      set.ranges.emplace_back(low, high);
    }
    if (at_ == text_.size()) fail();
    ++at_;
    tokens_.push_back({GlobKind::set, sets_.add(std::move(set))});
  }

  // One character of a set, escapes resolved.
  char32_t set_character() {
    if (at_ < text_.size() && text_[at_] == U'\\') {
      ++at_;
    } else if (at_ < text_.size() && (text_[at_] == U'-' || text_[at_] == U']')) {
      fail();
    }
    if (at_ >= text_.size()) fail();
    return text_[at_++];
  }

  bool rest_is_plain() const { return text_.find_first_of(U"*?[]\\", at_) == std::u32string::npos; }

  [[noreturn]] void fail() const {
    throw Error(Errc::invalid, cat("syntax error in pattern ", quoted(to_utf8(text_))));
  }

  std::u32string text_;
  Stars stars_;
  CharacterSets& sets_;
  std::size_t at_ = 0;
  std::vector<GlobToken> tokens_;
};

}  // namespace

char32_t CharacterSets::add(CharacterSet set) {
  const auto number = static_cast<char32_t>(sets_.size());
  const auto [found, is_new] = numbers_.try_emplace(set, number);
  if (is_new) sets_.push_back(std::move(set));
  return found->second;
}

bool CharacterSets::contains(char32_t number, char32_t character) const {
  const CharacterSet& set = sets_[number];
  for (const auto& [low, high] : set.ranges) {
    if (low <= character && character <= high) return !set.negated;
  }
  return set.negated;
}

std::vector<GlobToken> parse_glob(std::string_view pattern, Stars stars, CharacterSets& sets) {
  return GlobParser(pattern, stars, sets).run();
}

bool accepts(const GlobToken& token, char32_t character, const CharacterSets& sets) {
  switch (token.kind) {
    case GlobKind::literal:
      return token.value == character;
    case GlobKind::any:
    case GlobKind::star:
      return character != U'/';
    case GlobKind::set:
      return sets.contains(token.value, character);
    case GlobKind::deep_star:
    case GlobKind::deep_body:
      return true;
    case GlobKind::deep_open:
      break;
  }
  return false;
}

}  // namespace cooper::parser
