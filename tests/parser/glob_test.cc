#include "parser/glob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/parser/expect_error.h"

namespace cooper::parser {
namespace {

using ::testing::HasSubstr;

struct Row {
  const char* pattern;
  const char* text;
  bool matches;
};

TEST(Glob, COPY_10_path_match) {
  const std::vector<Row> rows = {{"", "", true},
                                 {"", "a", false},
                                 {"abc", "abc", true},
                                 {"*", "abc", true},
                                 {"*", "", true},
                                 {"*c", "abc", true},
                                 {"a*", "a", true},
                                 {"a*", "ab/c", false},
                                 {"a*/b", "abc/b", true},
                                 {"a*/b", "a/c/b", false},
                                 {"a*b*c*d*e*/f", "axbxcxdxe/f", true},
                                 {"a*b*c*d*e*/f", "axbxcxdxexxx/fff", false},
                                 {"a*b?c*x", "abxbbxdbxebxczzx", true},
                                 {"a*b?c*x", "abxbbxdbxebxczzy", false},
                                 {"ab[c]", "abc", true},
                                 {"ab[b-d]", "abc", true},
                                 {"ab[e-g]", "abc", false},
                                 {"ab[^c]", "abc", false},
                                 {"ab[^e-g]", "abc", true},
                                 {"a\\*b", "a*b", true},
                                 {"a\\*b", "ab", false},
                                 {"a?b",
                                  "a\xE2\x98\xBA"
                                  "b",
                                  true},
                                 {"a[^a]b",
                                  "a\xE2\x98\xBA"
                                  "b",
                                  true},
                                 {"a???b",
                                  "a\xE2\x98\xBA"
                                  "b",
                                  false},
                                 {"[a-\xCE\xB6]*", "\xCE\xB1", true},
                                 {"a?b", "a/b", false},
                                 {"[\\]a]", "]", true},
                                 {"[\\-]", "-", true},
                                 {"[x\\-]", "-", true},
                                 {"arr[[]0].txt", "arr[0].txt", true},
                                 {"a]", "a]", true},
                                 {"**", "a/b", false}};
  for (const Row& row : rows)
    EXPECT_EQ(glob_match(row.pattern, row.text), row.matches) << row.pattern << " | " << row.text;
}

TEST(Glob, COPY_31_deep_stars) {
  const std::vector<Row> rows = {{"**", "a/b", true},          {"a/**", "a/b/c", true},
                                 {"a/**", "a", false},         {"**/b", "b", true},
                                 {"**/b", "a/x/b", true},      {"**/b", "ab", false},
                                 {"a/**/*.c", "a/x.c", true},  {"a/**/*.c", "a/p/q/x.c", true},
                                 {"a/**/*.c", "b/x.c", false}, {"**/*.c", "x.c", true},
                                 {"**/**", "a", true},         {"*/b", "x/y/b", false}};
  for (const Row& row : rows) {
    EXPECT_EQ(glob_match_deep(row.pattern, row.text), row.matches)
        << row.pattern << " | " << row.text;
  }
}

TEST(Glob, malformed_patterns) {
  for (const char* bad : {"[", "[a", "a[", "[]", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "a\\",
                          "[^", "[\\", "*["}) {
    EXPECT_THAT(error_of([bad] { glob_match(bad, "x"); }), HasSubstr("syntax error in pattern"))
        << bad;
  }
}

TEST(Glob, wildcards_are_seen_and_escapes_removed) {
  EXPECT_TRUE(has_wildcard("a*"));
  EXPECT_TRUE(has_wildcard("a?"));
  EXPECT_TRUE(has_wildcard("a[b]"));
  EXPECT_FALSE(has_wildcard("a\\*\\?\\["));
  EXPECT_FALSE(has_wildcard("a]\\"));
  EXPECT_EQ(unescape_glob("a\\*b\\\\c"), "a*b\\c");
}

TEST(Glob, no_backtracking) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "a*";
  EXPECT_FALSE(glob_match(pattern + "b", std::string(5000, 'a')));
  EXPECT_TRUE(glob_match(pattern + "b", std::string(5000, 'a') + "b"));
}

}  // namespace
}  // namespace cooper::parser
