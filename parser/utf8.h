// UTF-8, forgiving: a byte that is not part of a valid sequence stands for itself as kRawByte +
// byte, so that decoding and encoding again gives the same bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cooper::parser {

inline constexpr char32_t kRawByte = 0x110000;
inline constexpr char32_t kReplacement = 0xFFFD;

// Decodes the code point at `at` and moves `at` behind it. Precondition: at < text.size().
char32_t decode_utf8(std::string_view text, std::size_t& at);
void append_utf8(std::string& out, char32_t character);

std::u32string to_utf32(std::string_view text);
std::string to_utf8(std::u32string_view text);

// Letters for variable names (EXP-02). Beyond ASCII: everything but the blocks of punctuation,
// symbols and controls.
bool is_letter(char32_t character) noexcept;

}  // namespace cooper::parser
