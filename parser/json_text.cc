#include "parser/json_text.h"

#include "parser/text.h"
#include "parser/utf8.h"

namespace cooper::parser {
namespace {

constexpr std::size_t kMaxDepth = 10000;  // deeper nesting counts as invalid, as in Go's decoder

// Every function answers "was that valid" and moves at_ behind what it read.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool done() {
    skip_space();
    return at_ == text_.size();
  }
  bool peek(char c) {
    skip_space();
    return at_ < text_.size() && text_[at_] == c;
  }
  bool take(char c) {
    if (!peek(c)) return false;
    ++at_;
    return true;
  }
  bool string(std::string* out);
  bool value();

 private:
  void skip_space() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }
  bool literal(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  bool digits() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    return at_ > begin;
  }
  bool number();
  bool scalar();
  bool open_containers(std::string& open);
  bool escape(std::string* out);
  std::optional<char32_t> hex4();

  std::string_view text_;
  std::size_t at_ = 0;
};

std::optional<char32_t> Reader::hex4() {
  const auto value = text_.size() - at_ < 4 ? std::nullopt : [this]() -> std::optional<char32_t> {
    char32_t code = 0;
    for (const char c : text_.substr(at_, 4)) {
      const std::size_t digit = std::string_view("0123456789abcdef").find(to_lower({&c, 1}));
      if (digit == std::string_view::npos) return std::nullopt;
      code = code * 16 + static_cast<char32_t>(digit);
    }
    return code;
  }();
  if (value) at_ += 4;
  return value;
}

bool Reader::escape(std::string* out) {
  constexpr std::string_view kLetters = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  if (at_ == text_.size()) return false;
  const char letter = text_[at_++];
  if (const std::size_t index = kLetters.find(letter); index != std::string_view::npos) {
    if (out != nullptr) *out += kMeanings[index];
    return true;
  }
  if (letter != 'u') return false;
  auto code = hex4();
  if (!code) return false;
  if (*code >= 0xD800 && *code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
    const std::size_t before = at_;
    at_ += 2;
    const auto low = hex4();
    if (!low) return false;
    if (*low >= 0xDC00 && *low < 0xE000) {
      code = 0x10000 + ((*code - 0xD800) << 10U) + (*low - 0xDC00);
    } else {
      at_ = before;
    }
  }
  if (*code >= 0xD800 && *code < 0xE000) code = kReplacement;
  if (out != nullptr) append_utf8(*out, *code);
  return true;
}

bool Reader::string(std::string* out) {
  if (!take('"')) return false;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '"') {
      ++at_;
      return true;
    }
    if (static_cast<unsigned char>(c) < 0x20) return false;
    if (c == '\\') {
      ++at_;
      if (!escape(out)) return false;
      continue;
    }
    const char32_t character = decode_utf8(text_, at_);
    if (out != nullptr) append_utf8(*out, character >= kRawByte ? kReplacement : character);
  }
  return false;
}

bool Reader::number() {
  literal("-");
  if (!literal("0") && !digits()) return false;
  if (literal(".") && !digits()) return false;
  if (literal("e") || literal("E")) {
    if (!literal("+")) literal("-");
    return digits();
  }
  return true;
}

bool Reader::scalar() {
  if (peek('"')) return string(nullptr);
  if (literal("true") || literal("false") || literal("null")) return true;
  return at_ < text_.size() && (text_[at_] == '-' || is_digit(text_[at_])) && number();
}

// Reads '[' and '{' (with its first key) until a scalar stands next or an empty container closed
// itself.
bool Reader::open_containers(std::string& open) {
  while (true) {
    if (take('[')) {
      open += ']';
      if (take(']')) {
        open.pop_back();
        return true;
      }
    } else if (take('{')) {
      open += '}';
      if (take('}')) {
        open.pop_back();
        return true;
      }
      if (!string(nullptr) || !take(':')) return false;
    } else {
      return scalar();
    }
    if (open.size() > kMaxDepth) return false;
  }
}

// Iterative: nesting comes from the file and must not eat the stack.
bool Reader::value() {
  std::string open;
  while (true) {
    if (!open_containers(open)) return false;
    while (!open.empty() && take(open.back())) open.pop_back();
    if (open.empty()) return true;
    if (!take(',')) return false;
    if (open.back() == '}' && (!string(nullptr) || !take(':'))) return false;
  }
}

}  // namespace

JsonArray read_json_array(std::string_view text) {
  Reader reader(text);
  JsonArray array;
  bool mixed = false;
  if (!reader.take('[')) return {};
  if (!reader.take(']')) {
    do {
      std::string element;
      if (reader.peek('"')) {
        if (!reader.string(&element)) return {};
        array.strings.push_back(std::move(element));
      } else {
        if (!reader.value()) return {};
        mixed = true;
      }
    } while (reader.take(','));
    if (!reader.take(']')) return {};
  }
  if (!reader.done()) return {};
  array.form = mixed ? JsonForm::mixed : JsonForm::strings;
  return array;
}

std::optional<std::string> find_json_member(std::string_view text, std::string_view name) {
  Reader reader(text);
  std::optional<std::string> found;
  if (!reader.take('{')) return std::nullopt;
  if (reader.take('}')) return std::nullopt;
  do {
    std::string key;
    std::string content;
    if (!reader.string(&key) || !reader.take(':')) return std::nullopt;
    if (reader.peek('"')) {
      if (!reader.string(&content)) return std::nullopt;
      if (key == name) found = std::move(content);
    } else {
      if (!reader.value()) return std::nullopt;
      if (key == name) found.reset();
    }
  } while (reader.take(','));
  if (!reader.take('}') || !reader.done()) return std::nullopt;
  return found;
}

}  // namespace cooper::parser
