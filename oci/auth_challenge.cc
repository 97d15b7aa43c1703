#include "oci/auth_challenge.h"

#include <algorithm>
#include <cctype>
#include <optional>

namespace cooper::oci {
namespace {

bool is_token_char(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         kOthers.find(c) != std::string_view::npos;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool done() const { return at_ == text_.size(); }
  std::size_t position() const { return at_; }
  void rewind(std::size_t position) { at_ = position; }
  bool skip(char c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool skip_blanks() {
    const std::size_t start = at_;
    while (!done() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    return at_ != start;
  }
  void skip_separators() {  // a list may hold empty elements
    while (skip_blanks() || skip(',')) {
    }
  }
  std::string token() {
    const std::size_t start = at_;
    while (!done() && is_token_char(text_[at_])) ++at_;
    return std::string(text_.substr(start, at_ - start));
  }
  std::string lower_token() {
    std::string name = token();
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return name;
  }
  // After the opening quote; nullopt when it never closes.
  std::optional<std::string> quoted() {
    std::string value;
    while (!done()) {
      char c = text_[at_++];
      if (c == '"') return value;
      if (c == '\\') {
        if (done()) return std::nullopt;
        c = text_[at_++];
      }
      value += c;
    }
    return std::nullopt;
  }
  // token68 (RFC 9110 section 11.2) that ends its list element, e.g. of Negotiate.
  bool skip_token68() {
    const std::size_t start = at_;
    while (!done() && (is_token_char(text_[at_]) || text_[at_] == '/')) ++at_;
    const bool some = at_ != start;
    while (skip('=')) {
    }
    skip_blanks();
    if (some && (done() || text_[at_] == ',')) return true;
    at_ = start;
    return false;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

enum class Found { parameter, none, malformed };

// One name=value; none when what stands here is the next challenge's scheme.
Found read_parameter(Scanner& scanner, Challenge& challenge) {
  const std::size_t start = scanner.position();
  const std::string name = scanner.lower_token();
  scanner.skip_blanks();
  if (name.empty()) return Found::malformed;
  if (!scanner.skip('=')) {
    scanner.rewind(start);
    return Found::none;
  }
  scanner.skip_blanks();
  std::optional<std::string> value = scanner.skip('"') ? scanner.quoted() : scanner.token();
  if (!value) return Found::malformed;
  scanner.skip_blanks();
  // Twice the same name is malformed (RFC 9110 section 11.2): which one counts is anybody's guess.
  const bool fresh = challenge.parameters.emplace(name, *std::move(value)).second;
  return fresh ? Found::parameter : Found::malformed;
}

// False: malformed.
bool read_challenge(Scanner& scanner, Challenge& challenge) {
  challenge.scheme = scanner.lower_token();
  if (challenge.scheme.empty()) return false;
  const bool blanks = scanner.skip_blanks();
  if (scanner.done() || scanner.skip(',')) return true;
  if (!blanks) return false;
  if (scanner.skip_token68()) return true;
  for (bool first = true;; first = false) {
    const Found found = read_parameter(scanner, challenge);
    if (found == Found::malformed) return false;
    if (found == Found::none) return !first;
    if (scanner.done()) return true;
    if (!scanner.skip(',')) return false;
    scanner.skip_separators();
    if (scanner.done()) return true;
  }
}

}  // namespace

std::vector<Challenge> parse_challenges(std::string_view header) {
  std::vector<Challenge> challenges;
  Scanner scanner(header);
  for (;;) {
    scanner.skip_separators();
    if (scanner.done()) return challenges;
    Challenge challenge;
    if (!read_challenge(scanner, challenge)) return challenges;
    challenges.push_back(std::move(challenge));
  }
}

}  // namespace cooper::oci
