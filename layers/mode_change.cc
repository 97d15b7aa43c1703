// --chmod (COPY-22, COPY-23): an octal number, or the symbolic form of chmod(1) with umask 0.
#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "layers/copy.h"

namespace cooper::layers {
namespace {

constexpr std::uint32_t kSetUid = 04000;
constexpr std::uint32_t kSetGid = 02000;
constexpr std::uint32_t kSticky = 01000;
constexpr std::uint32_t kRead = 0444;
constexpr std::uint32_t kWrite = 0222;
constexpr std::uint32_t kExecute = 0111;
constexpr std::uint32_t kUser = kSetUid | 0700;
constexpr std::uint32_t kGroup = kSetGid | 0070;
constexpr std::uint32_t kOther = 0007;
constexpr std::uint32_t kEverybody = kUser | kGroup | kOther;

constexpr bool is_octal_digit(char c) noexcept {
  return c >= '0' && c <= '7';
}
constexpr bool is_operation(char c) noexcept {
  return c == '+' || c == '-' || c == '=';
}

}  // namespace

// [ugoa]* ( [+-=] [rwxXst]* | [+-=] [ugo] )+ , repeated with commas.
class ModeChange::Parser {
 public:
  explicit Parser(const std::string& text) : text_(text), rest_(text) {}

  std::vector<Step> run() {
    clause();
    while (!rest_.empty()) {
      if (rest_.front() != ',') fail();
      rest_.remove_prefix(1);
      clause();
    }
    return std::move(steps_);
  }

  [[noreturn]] void fail() const {
    throw Error(Errc::invalid, cat("invalid chmod parameter: '", text_,
                                   "'. it should be octal string and between 0 and 07777"));
  }

 private:
  void clause() {
    const std::uint32_t who = people();
    if (rest_.empty() || !is_operation(rest_.front())) fail();
    while (!rest_.empty() && is_operation(rest_.front())) {
      const char operation = rest_.front();
      rest_.remove_prefix(1);
      permissions(who, operation);
    }
  }

  // 0: nobody was named, which means everybody (the umask is 0).
  std::uint32_t people() {
    std::uint32_t who = 0;
    for (; !rest_.empty(); rest_.remove_prefix(1)) {
      switch (rest_.front()) {
        case 'u':
          who |= kUser;
          break;
        case 'g':
          who |= kGroup;
          break;
        case 'o':
          who |= kOther;
          break;
        case 'a':
          who |= kEverybody;
          break;
        default:
          return who;
      }
    }
    return who;
  }

  void permissions(std::uint32_t named, char operation) {
    const std::uint32_t who = named != 0 ? named : kEverybody;
    // For "others" alone, set-id and sticky bits mean nothing.
    const bool special = (who & ~kOther) != 0;
    std::uint32_t bits = 0;
    bool conditional = false;
    std::vector<Step> copies;
    for (; !rest_.empty() && !is_operation(rest_.front()) && rest_.front() != ',';
         rest_.remove_prefix(1)) {
      switch (rest_.front()) {
        case 'r':
          bits |= kRead & who;
          break;
        case 'w':
          bits |= kWrite & who;
          break;
        case 'x':
          bits |= kExecute & who;
          break;
        case 'X':
          conditional = true;
          break;
        case 's':
          bits |= (kSetUid | kSetGid) & who;
          break;
        case 't':
          if (special) bits |= kSticky;
          break;
        case 'u':
          copies.push_back(copy_step(who, 6, operation));
          break;
        case 'g':
          copies.push_back(copy_step(who, 3, operation));
          break;
        case 'o':
          copies.push_back(copy_step(who, 0, operation));
          break;
        default:
          fail();
      }
    }
    emit(who, operation, bits, conditional, copies);
  }

  static Step copy_step(std::uint32_t who, int from_shift, char operation) {
    Step step;
    step.kind = Step::Kind::copy;
    step.who = who & 0777;
    step.from_shift = from_shift;
    step.operation = operation;
    return step;
  }

  void emit(std::uint32_t who, char operation, std::uint32_t bits, bool conditional,
            const std::vector<Step>& copies) {
    const std::uint32_t sticky_too = bits & kSticky;
    // "u=g" must not clear u's bits before g is read: a copy clears what it replaces itself.
    if (operation == '=' && copies.empty()) add(Step::Kind::clear, who | sticky_too);
    if (operation == '-') {
      add(Step::Kind::clear, bits | (conditional ? kExecute & who : 0));
    } else {
      add(Step::Kind::set, bits);
      if (conditional) add(Step::Kind::set_conditional, kExecute & who);
    }
    steps_.insert(steps_.end(), copies.begin(), copies.end());
  }

  void add(Step::Kind kind, std::uint32_t bits) {
    Step step;
    step.kind = kind;
    step.bits = bits;
    steps_.push_back(step);
  }

  const std::string& text_;
  std::string_view rest_;
  std::vector<Step> steps_;
};

ModeChange ModeChange::parse(const std::string& text) {
  ModeChange change;
  Parser parser(text);
  if (text.empty() || text.front() < '0' || text.front() > '9') {
    change.steps_ = parser.run();
    return change;
  }
  std::uint32_t mode = 0;
  for (const char c : text) {
    if (!is_octal_digit(c)) parser.fail();
    mode = mode * 8 + static_cast<std::uint32_t>(c - '0');
    if (mode > 07777) parser.fail();
  }
  change.octal_ = mode;
  return change;
}

std::optional<std::uint32_t> ModeChange::octal() const {
  return octal_;
}

std::uint32_t ModeChange::apply(std::uint32_t mode, bool is_directory) const {
  if (octal_) return *octal_;
  const bool executable = is_directory || (mode & kExecute) != 0;
  std::uint32_t result = mode;
  for (const Step& step : steps_) {
    switch (step.kind) {
      case Step::Kind::set:
        result |= step.bits;
        break;
      case Step::Kind::clear:
        result &= ~step.bits;
        break;
      case Step::Kind::set_conditional:
        if (executable) result |= step.bits;
        break;
      case Step::Kind::copy: {
        const std::uint32_t copied = ((result >> step.from_shift) & 7) * kExecute & step.who;
        if (step.operation == '-') {
          result &= ~copied;
        } else {
          if (step.operation == '=') result &= ~step.who;
          result |= copied;
        }
        break;
      }
    }
  }
  return result;
}

}  // namespace cooper::layers
