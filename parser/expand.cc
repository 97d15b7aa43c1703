#include "parser/expand.h"

#include <map>
#include <set>

#include "parser/source.h"
#include "parser/substitution.h"
#include "parser/text.h"
#include "parser/utf8.h"

namespace cooper::parser {
namespace {

constexpr int kMaxDepth = 500;  // of nested ${a:-${b:-...}}; deeper ones would eat the stack
// Pattern times value of all substitutions of one word together: under a second, and more than what
// two lines of lawful length can ask for.
constexpr std::size_t kMaxPatternSteps = std::size_t{1} << 32U;
constexpr char kToEnd = '\0';  // stop character: none

// Collects the words of expand_words(). Blanks split where they are unquoted.
class WordList {
 public:
  void add_split(std::string_view text) {
    for (const char c : text) {
      if (!is_space(c)) {
        word_ += c;
      } else if (!word_.empty()) {
        words_.push_back(std::move(word_));
        word_.clear();
      }
    }
  }
  void add_whole(std::string_view text) { word_ += text; }
  std::vector<std::string> take() && {
    if (!word_.empty()) words_.push_back(std::move(word_));
    return std::move(words_);
  }

 private:
  std::string word_;
  std::vector<std::string> words_;
};

enum class Quotes { special, ordinary };
enum class Escapes { removed, kept };

class Expander {
 public:
  Expander(std::string_view text, char escape, Quotes quotes, const Lookup& lookup,
           std::vector<std::string>* unset)
      : text_(text), escape_(escape), quotes_(quotes), lookup_(lookup), unset_(unset) {}

  // Up to and with the stop character, or to the end of the text.
  std::string run(char stop, Escapes escapes, WordList* words);

 private:
  bool at_end() const noexcept { return at_ == text_.size(); }
  char peek() const noexcept { return at_end() ? '\0' : text_[at_]; }
  [[noreturn]] static void fail(const std::string& message) { throw DockerfileError(message); }

  bool is_quote(char c) const noexcept {
    return quotes_ == Quotes::special && (c == '\'' || c == '"');
  }
  std::string_view plain(char stop);
  std::string escaped(Escapes escapes);
  std::string single_quoted();
  std::string double_quoted(Escapes escapes);
  std::string dollar();
  std::string name();
  std::string braced();
  std::string modified(const std::string& variable);
  std::string with_word(const std::string& variable, char modifier, bool null_is_unset);
  std::string stripped(const std::string& variable, char modifier);
  std::string replaced(const std::string& variable);
  std::string word_until(char stop, Escapes escapes, const char* missing);
  std::optional<std::string> look_up(const std::string& variable);
  void grow(std::size_t bytes);
  void charge_pattern(std::string_view pattern, std::string_view value);

  std::string_view text_;
  std::size_t at_ = 0;
  char escape_;
  Quotes quotes_;
  const Lookup& lookup_;
  std::vector<std::string>* unset_;
  std::set<std::string> reported_;
  int depth_ = 0;
  std::size_t grown_bytes_ = 0;  // by values and replacements, so far
  std::size_t pattern_steps_ = 0;
};

void Expander::grow(std::size_t bytes) {
  grown_bytes_ += bytes;
  if (grown_bytes_ > kMaxExpansionBytes)
    fail(cat("expansion adds more than ", kMaxExpansionBytes >> 20U, " MiB"));
}

void Expander::charge_pattern(std::string_view pattern, std::string_view value) {
  // Neither factor is above what grow() lets pass: no overflow.
  pattern_steps_ += (pattern.size() + 1) * (value.size() + 1);
  if (pattern_steps_ > kMaxPatternSteps) fail("pattern and value are too long for a substitution");
}

std::optional<std::string> Expander::look_up(const std::string& variable) {
  auto value = lookup_(variable);
  if (!value && unset_ != nullptr && reported_.insert(variable).second) unset_->push_back(variable);
  if (value) grow(value->size());
  return value;
}

std::string Expander::run(char stop, Escapes escapes, WordList* words) {
  std::string out;
  while (!at_end()) {
    const char c = text_[at_];
    if (stop != kToEnd && c == stop) {
      ++at_;
      return out;
    }
    const bool quote = is_quote(c);
    std::string piece;
    if (c == '$') {
      piece = dollar();
    } else if (quote) {
      piece = c == '"' ? double_quoted(escapes) : single_quoted();
    } else if (c == escape_) {
      piece = escaped(escapes);
    } else {
      piece = plain(stop);
    }
    if (words != nullptr) {
      const bool whole = quote || c == escape_;
      whole ? words->add_whole(piece) : words->add_split(piece);
    }
    if (out.empty()) {
      out = std::move(piece);
    } else {
      out += piece;
    }
  }
  if (stop != kToEnd) fail(cat("unexpected end of statement while looking for matching ", stop));
  return out;
}

// What stands for itself.
std::string_view Expander::plain(char stop) {
  const std::size_t begin = at_;
  while (!at_end()) {
    const char c = text_[at_];
    if (c == '$' || c == escape_ || is_quote(c) || (stop != kToEnd && c == stop)) break;
    ++at_;
  }
  return text_.substr(begin, at_ - begin);
}

// EXP-15. A trailing escape character goes.
std::string Expander::escaped(Escapes escapes) {
  std::string out;
  if (escapes == Escapes::kept) out += escape_;
  ++at_;
  if (!at_end()) out += text_[at_++];
  return out;
}

std::string Expander::single_quoted() {
  const std::size_t close = text_.find('\'', at_ + 1);
  if (close == std::string_view::npos) {
    at_ = text_.size();
    fail("unexpected end of statement while looking for matching single-quote");
  }
  std::string out(text_.substr(at_ + 1, close - at_ - 1));
  at_ = close + 1;
  return out;
}

// EXP-14.
std::string Expander::double_quoted(Escapes escapes) {
  std::string out;
  ++at_;
  while (!at_end()) {
    const char c = text_[at_];
    if (c == '$') {
      out += dollar();
      continue;
    }
    ++at_;
    if (c == '"') return out;
    if (c != escape_) {
      out += c;
      continue;
    }
    if (at_end()) break;
    const char next = text_[at_];
    const bool protects = next == '"' || next == '$' || next == escape_;
    // Kept: what is an ordinary backslash here has to be one in the pattern, too.
    if (escapes == Escapes::kept) out += c;
    out += protects ? text_[at_++] : c;
  }
  fail("unexpected end of statement while looking for matching double-quote");
}

// EXP-02, EXP-12. "" if no name stands here.
std::string Expander::name() {
  constexpr std::string_view kSpecial = "@*#?-$!";
  std::string out;
  if (at_end()) return out;
  if (kSpecial.find(peek()) != std::string_view::npos) return std::string(1, text_[at_++]);
  if (is_digit(peek())) {
    while (!at_end() && is_digit(peek())) out += text_[at_++];
    return out;
  }
  while (!at_end()) {
    std::size_t next = at_;
    const char32_t character = decode_utf8(text_, next);
    const bool digit = character >= U'0' && character <= U'9';
    if (!is_letter(character) && !digit && character != U'_') break;
    out += text_.substr(at_, next - at_);
    at_ = next;
  }
  return out;
}

std::string Expander::dollar() {
  ++at_;
  if (peek() == '{') {
    if (++depth_ > kMaxDepth) fail(cat("substitution nested more than ", kMaxDepth, " deep"));
    ++at_;
    std::string out = braced();
    --depth_;
    return out;
  }
  const std::string variable = name();
  if (variable.empty()) return "$";
  return look_up(variable).value_or("");
}

std::string Expander::braced() {
  if (at_end()) fail("syntax error: missing '}'");
  if (peek() == '{' || peek() == '}' || peek() == ':') fail("syntax error: bad substitution");
  const std::string variable = name();
  if (at_end()) fail("syntax error: missing '}'");
  if (peek() != '}') return modified(variable);
  ++at_;
  return look_up(variable).value_or("");
}

std::string Expander::modified(const std::string& variable) {
  std::string spelling(1, text_[at_++]);
  const bool null_is_unset = spelling == ":";
  if (null_is_unset) {
    if (at_end()) fail("syntax error: missing '}'");
    spelling += text_[at_++];
  }
  const char modifier = spelling.back();
  switch (modifier) {
    case '-':
    case '+':
    case '?':
      return with_word(variable, modifier, null_is_unset);
    case '#':
    case '%':
      if (!null_is_unset) return stripped(variable, modifier);
      break;
    case '/':
      if (!null_is_unset) return replaced(variable);
      break;
    default:
      break;
  }
  fail(cat("unsupported modifier (", spelling, ") in substitution"));
}

// The text up to an unquoted stop character, expanded. Whatever goes wrong at the end of the text
// is told as `missing`.
std::string Expander::word_until(char stop, Escapes escapes, const char* missing) {
  try {
    return run(stop, escapes, nullptr);
  } catch (const DockerfileError&) {
    if (at_end()) fail(missing);
    throw;
  }
}

// EXP-03 ... EXP-05.
std::string Expander::with_word(const std::string& variable, char modifier, bool null_is_unset) {
  std::string word = word_until('}', Escapes::removed, "syntax error: missing '}'");
  auto value = look_up(variable);
  const bool present = value && !(null_is_unset && value->empty());
  if (modifier == '+') return present ? word : "";
  if (present) return std::move(*value);
  if (modifier == '-') return word;
  if (word.empty()) word = value ? "is not allowed to be empty" : "is not allowed to be unset";
  fail(variable + ": " + word);
}

// EXP-06. A doubled modifier asks for the longest match.
std::string Expander::stripped(const std::string& variable, char modifier) {
  std::string pattern = word_until('}', Escapes::kept, "syntax error: missing '}'");
  const Reach reach = pattern.starts_with(modifier) ? Reach::longest : Reach::shortest;
  if (reach == Reach::longest) pattern.erase(0, 1);
  const std::string value = look_up(variable).value_or("");
  charge_pattern(pattern, value);
  const SubstitutionPattern compiled(pattern);
  return modifier == '#' ? compiled.strip_prefix(value, reach)
                         : compiled.strip_suffix(value, reach);
}

// EXP-07.
std::string Expander::replaced(const std::string& variable) {
  const bool all = peek() == '/';
  if (all) ++at_;
  const std::string pattern = word_until('/', Escapes::kept, "syntax error: missing '/' in ${}");
  const std::string replacement = word_until('}', Escapes::kept, "syntax error: missing '}'");
  const std::string value = look_up(variable).value_or("");
  charge_pattern(pattern, value);
  auto out = SubstitutionPattern(pattern).replace(value, replacement, all, kMaxExpansionBytes);
  grow(out ? out->size() : kMaxExpansionBytes + 1);
  return *std::move(out);
}

// Adds the word to what goes wrong in it.
template <class Body>
auto naming(std::string_view text, Body body) {
  try {
    return body();
  } catch (const DockerfileError& error) {
    constexpr std::size_t kShown = 200;
    throw DockerfileError(
        cat("failed to process ", quoted(text.substr(0, kShown)), ": ", error.message()));
  }
}

}  // namespace

std::string expand_word(std::string_view text, char escape, const Lookup& lookup,
                        std::vector<std::string>* unset) {
  return naming(text, [&] {
    return Expander(text, escape, Quotes::special, lookup, unset)
        .run(kToEnd, Escapes::removed, nullptr);
  });
}

std::vector<std::string> expand_words(std::string_view text, char escape, const Lookup& lookup,
                                      std::vector<std::string>* unset) {
  return naming(text, [&] {
    WordList words;
    Expander(text, escape, Quotes::special, lookup, unset).run(kToEnd, Escapes::removed, &words);
    return std::move(words).take();
  });
}

std::string expand_heredoc(std::string_view body, const Lookup& lookup,
                           std::vector<std::string>* unset) {
  return naming(body, [&] {
    return Expander(body, '\\', Quotes::ordinary, lookup, unset)
        .run(kToEnd, Escapes::removed, nullptr);
  });
}

std::vector<std::string> referenced_names(std::string_view text, char escape) {
  std::vector<std::string> names;
  std::set<std::string, std::less<>> seen;
  const Lookup record = [&](std::string_view name) -> std::optional<std::string> {
    if (seen.emplace(name).second) names.emplace_back(name);
    return "set";  // so that ${v:?} does not fail
  };
  try {
    Expander(text, escape, Quotes::special, record, nullptr).run(kToEnd, Escapes::removed, nullptr);
  } catch (const DockerfileError&) {
    return names;  // the expansion itself reports what is malformed
  }
  return names;
}

}  // namespace cooper::parser
