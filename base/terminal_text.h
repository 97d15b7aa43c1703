// Text from outside, on its way to a terminal.
#pragma once

#include <cstddef>
#include <string_view>

namespace cooper {

// How many bytes at the front of text are a character that does something to the terminal instead
// of being shown: control characters (the C1 ones too, U+0080 to U+009F in UTF-8), and those that
// turn the direction of what follows. 0: the first byte may pass.
std::size_t steering_bytes(std::string_view text) noexcept;

}  // namespace cooper
