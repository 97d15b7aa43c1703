#include "parser/utf8.h"

#include <array>
#include <utility>

namespace cooper::parser {
namespace {

struct Shape {
  std::size_t length;
  char32_t bits;
  char32_t smallest;  // shorter spellings of a code point are invalid
};

Shape shape_of(unsigned char lead) {
  if (lead < 0x80) return {1, lead, 0};
  if (lead >= 0xC2 && lead < 0xE0) return {2, lead & 0x1FU, 0x80};
  if (lead >= 0xE0 && lead < 0xF0) return {3, lead & 0x0FU, 0x800};
  if (lead >= 0xF0 && lead < 0xF5) return {4, lead & 0x07U, 0x10000};
  return {0, 0, 0};
}

}  // namespace

char32_t decode_utf8(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const Shape shape = shape_of(lead);
  const char32_t raw = kRawByte + lead;
  if (shape.length == 0 || text.size() - at < shape.length) {
    ++at;
    return raw;
  }
  char32_t value = shape.bits;
  for (std::size_t i = 1; i < shape.length; ++i) {
    const auto byte = static_cast<unsigned char>(text[at + i]);
    if ((byte & 0xC0U) != 0x80U) {
      ++at;
      return raw;
    }
    value = (value << 6U) | (byte & 0x3FU);
  }
  const bool surrogate = value >= 0xD800 && value < 0xE000;
  if (value < shape.smallest || surrogate || value > 0x10FFFF) {
    ++at;
    return raw;
  }
  at += shape.length;
  return value;
}

void append_utf8(std::string& out, char32_t character) {
  const auto byte = [&out](char32_t value) {
    out += static_cast<char>(static_cast<unsigned char>(value));
  };
  if (character >= kRawByte) {
    byte(character - kRawByte);
  } else if (character < 0x80) {
    byte(character);
  } else if (character < 0x800) {
    byte(0xC0U | (character >> 6U));
    byte(0x80U | (character & 0x3FU));
  } else if (character < 0x10000) {
    byte(0xE0U | (character >> 12U));
    byte(0x80U | ((character >> 6U) & 0x3FU));
    byte(0x80U | (character & 0x3FU));
  } else {
    byte(0xF0U | (character >> 18U));
    byte(0x80U | ((character >> 12U) & 0x3FU));
    byte(0x80U | ((character >> 6U) & 0x3FU));
    byte(0x80U | (character & 0x3FU));
  }
}

std::u32string to_utf32(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) out += decode_utf8(text, at);
  return out;
}

std::string to_utf8(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char32_t character : text) append_utf8(out, character);
  return out;
}

bool is_letter(char32_t character) noexcept {
  if (character < 0x80) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
  }
  using Block = std::pair<char32_t, char32_t>;
  constexpr std::array<Block, 13> kNotLetters = {{{0x80, 0xA9},
                                                  {0xAB, 0xB4},
                                                  {0xB6, 0xB9},
                                                  {0xBB, 0xBF},
                                                  {0xD7, 0xD7},
                                                  {0xF7, 0xF7},
                                                  {0x2000, 0x2070},
                                                  {0x20A0, 0x20FF},
                                                  {0x2190, 0x2BFF},
                                                  {0x3000, 0x3004},
                                                  {0x3008, 0x3020},
                                                  {0xFE00, 0xFF20},
                                                  {0x1F000, 0x1FAFF}}};
  for (const auto& [first, last] : kNotLetters) {
    if (character >= first && character <= last) return false;
  }
  return character < kRawByte && !(character >= 0xD800 && character < 0xF900);
}

}  // namespace cooper::parser
