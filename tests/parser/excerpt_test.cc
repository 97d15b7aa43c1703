#include "parser/excerpt.h"

#include <gtest/gtest.h>

namespace cooper::parser {
namespace {

constexpr std::string_view kText = "one\ntwo\nthree\nfour\nfive\r\nsix\n";

TEST(Excerpt, ERR_01_one_line_has_two_lines_around) {
  EXPECT_EQ(source_excerpt("Dockerfile", kText, {{3, 3}}),
            "Dockerfile:3\n"
            "--------------------\n"
            "   1 |     one\n"
            "   2 |     two\n"
            "   3 | >>> three\n"
            "   4 |     four\n"
            "   5 |     five\n"
            "--------------------\n");
}

TEST(Excerpt, ERR_02_several_lines_have_one_around) {
  EXPECT_EQ(source_excerpt("f", kText, {{5, 6}, {3, 3}}),
            "f:3\n"
            "--------------------\n"
            "   2 |     two\n"
            "   3 | >>> three\n"
            "   4 |     four\n"
            "   5 | >>> five\n"
            "   6 | >>> six\n"
            "--------------------\n");
}

TEST(Excerpt, edges_and_nonsense) {
  EXPECT_EQ(source_excerpt("f", kText, {}), "");
  EXPECT_EQ(source_excerpt("f", kText, {{7, 7}}), "");
  EXPECT_EQ(source_excerpt("f", kText, {{0, 0}}), "");
  EXPECT_NE(source_excerpt("f", kText, {{6, 99}}).find("   6 | >>> six\n"), std::string::npos);
  EXPECT_EQ(source_excerpt("f", "x", {{1, 1}}),
            "f:1\n--------------------\n   1 | >>> x\n--------------------\n");
}

}  // namespace
}  // namespace cooper::parser
