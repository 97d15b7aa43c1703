#include "base/terminal_text.h"

#include <algorithm>
#include <array>

namespace cooper {
namespace {

using std::string_view_literals::operator""sv;

// Directional marks, embeddings, overrides and isolates, Unicode 15, chapter 23.2.
constexpr std::array kTurning = {
    "\u061c"sv, "\u200e"sv, "\u200f"sv, "\u202a"sv, "\u202b"sv, "\u202c"sv,
    "\u202d"sv, "\u202e"sv, "\u2066"sv, "\u2067"sv, "\u2068"sv, "\u2069"sv,
};

}  // namespace

std::size_t steering_bytes(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x20 || byte(0) == 0x7f) return 1;
  if (byte(0) < 0x80) return 0;
  if (text.size() > 1 && byte(0) == 0xc2 && byte(1) >= 0x80 && byte(1) <= 0x9f) return 2;
  const auto* const turning = std::find_if(kTurning.begin(), kTurning.end(),
                                           [&](auto mark) { return text.starts_with(mark); });
  return turning == kTurning.end() ? 0 : turning->size();
}

}  // namespace cooper
