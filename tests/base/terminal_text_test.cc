#include "base/terminal_text.h"

#include <gtest/gtest.h>

#include <string>

namespace cooper {
namespace {

TEST(TerminalText, what_drives_a_terminal_is_told_from_what_is_shown) {
  for (const std::string text : {"\x1b[1m", "\n", "\t", "\x7f", "\x01"}) {
    EXPECT_EQ(steering_bytes(text), 1U) << text;
  }
  EXPECT_EQ(steering_bytes(std::string(1, '\0')), 1U);
  EXPECT_EQ(steering_bytes("\u009b31m"), 2U);
  EXPECT_EQ(steering_bytes("\u0080"), 2U);
  EXPECT_EQ(steering_bytes("\u061cx"), 2U);
  for (const std::string text : {"\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069"}) {
    EXPECT_EQ(steering_bytes(text + "x"), 3U) << text;
  }
  for (const std::string text :
       {"", "a", " ", "\u00a0", "é", "\u2010", "日本", "\xc2", "\xe2\x80", "\x9b", "\xff"}) {
    EXPECT_EQ(steering_bytes(text), 0U) << text;
  }
}

}  // namespace
}  // namespace cooper
