#include "parser/ignore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/parser/expect_error.h"

namespace cooper::parser {
namespace {

using ::testing::HasSubstr;

struct Row {
  const char* file;
  const char* path;
  bool excluded;
};

TEST(Ignore, rows) {
  const std::vector<Row> rows = {
      // IGNORE-03
      {"# x\nx", "x", true},
      {"#x", "#x", false},
      {" #x", "#x", true},
      {"\xEF\xBB\xBFx", "x", true},
      {"  x \t\r\n", "x", true},
      {"/x", "x", true},
      {"./a//b/../c/", "a/c", true},
      {"\n\n \n", "x", false},
      {".", "x", false},
      {"/", "x", false},
      {"../x", "x", false},
      {"! x\n", "x", false},
      // IGNORE-04
      {"a\n!a", "a", false},
      {"!a\na", "a", true},
      {"*.md\n!README.md\nREADME*", "README.md", true},
      {"*.md\n! README.md", "README.md", false},
      // IGNORE-05
      {"a", "a/b/c", true},
      {"a/*", "a/b/c", true},
      {"a", "ab", false},
      {"a/b", "a", false},
      // IGNORE-06
      {"foo", "x/foo", false},
      {"**/foo", "x/y/foo", true},
      {"**/foo", "foo", true},
      {"**/foo", "foo/z", true},
      {"**/foo", "xfoo", false},
      {"**/foo/bar", "x/foo/bar", true},
      {"**/foo/bar", "foo/bar", true},
      // IGNORE-07
      {"*", "a", true},
      {"*.go", "a/b.go", false},
      {"*/b.go", "a/b.go", true},
      {"?", "a", true},
      {"?", "ab", false},
      {"a?b", "a/b", false},
      {"**", "a/b", true},
      {"a/**", "a", false},
      {"a/**", "a/b/c", true},
      {"a/**/b", "a/b", true},
      {"a/**/b", "a/x/y/b", true},
      {"a/**/b", "axb", false},
      {"**/*.go", "b.go", true},
      {"**/*.go", "x/y/b.go", true},
      {"**.o", "x/y.o", true},
      {"a**", "ab/c", true},
      {"[a-c]x", "bx", true},
      {"[^a-c]x", "bx", false},
      {"[^a-c]x", "dx", true},
      {"\\*", "*", true},
      {"\\*", "x", false},
      {"a\\b", "ab", true},
      {"FOO", "foo", false},
      {"?.txt", "\xC3\xA9.txt", true},
      // IGNORE-08
      {"*\n!keep/x", "keep/x", false},
      {"*\n!keep/x", "keep/y", true},
      {"*\n!keep/x", "keep", true},
      {"*\n!keep", "keep/deep/x", false},
      {"*\n!keep\nkeep/no", "keep/no/x", true},
      {"*\n!**/y", "keep/y", false},
      {"a\n!a/b\n**/b", "a/b", true},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(parse_ignore(row.file).excluded(TreePath::clean(row.path)), row.excluded)
        << row.file << " | " << row.path;
  }
}

TEST(Ignore, IGNORE_04_errors) {
  EXPECT_THAT(error_of([] { parse_ignore("a\n!\n"); }), HasSubstr("illegal exclusion pattern"));
  EXPECT_THAT(error_of([] { parse_ignore("! "); }), HasSubstr("illegal exclusion pattern"));
  for (const char* bad : {"[", "[a", "[]a]", "a\\", "[a-]", "[-a]"}) {
    EXPECT_THAT(error_of([bad] { parse_ignore(bad); }), HasSubstr("syntax error in pattern"))
        << bad;
  }
}

TEST(Ignore, COPY_35_directories_worth_walking) {
  struct Walk {
    const char* file;
    const char* directory;
    bool walk;
  };
  const std::vector<Walk> rows = {{"*", "a", false},
                                  {"*\n!b", "a", false},
                                  {"*\n!a/x", "a", true},
                                  {"*\n!a/b/x", "a", true},
                                  {"*\n!a/b/x", "a/b", true},
                                  {"*\n!a/b/x", "a/c", false},
                                  {"*\n!ab/x", "a", false},
                                  {"!a/x\n*", "a", false},
                                  {"*\n!**/x", "a", true},
                                  {"!**/x\n*", "a", false},
                                  {"*\n!a/*.txt", "a", true},
                                  {"*\n!a/*.txt", "b", false},
                                  {"*\n!a/*.txt", "a/b", false},
                                  {"*\n!a/**", "a/b/c", false},  // a/b/c is re-included itself
                                  {"*\n!*/b/*.c", "x/b", true},
                                  {"*\n!*/b/*.c", "x/c", false},
                                  {"a\n!a", "a", false}};
  for (const Walk& row : rows) {
    const IgnorePatterns patterns = parse_ignore(row.file);
    const TreePath directory = TreePath::clean(row.directory);
    const bool walk =
        !patterns.excluded(directory) ? row.walk : patterns.may_include_beneath(directory);
    EXPECT_EQ(walk, row.walk) << row.file << " | " << row.directory;
  }
}

// Pruning must never lose a path: everything beneath a skipped directory is excluded.
TEST(Ignore, pruning_agrees_with_matching) {
  const std::vector<std::string> names = {"a", "b", "ab", "x.c"};
  const std::vector<std::string> files = {
      "*\n!a/b",          "**/a\n!b/a/x.c", "a\n!a/**/x.c\na/b", "**\n!**/b/x.c",
      "*\n!?/a*\n*/ab/*", "a*\n!ab\n!a/b/", "*/*\n!*/b\n**/x.c", "!a\n*\n!x.c"};
  for (const std::string& file : files) {
    const IgnorePatterns patterns = parse_ignore(file);
    for (const auto& first : names) {
      const TreePath top = TreePath::clean(first);
      const bool pruned = patterns.excluded(top) && !patterns.may_include_beneath(top);
      for (const auto& second : names) {
        for (const auto& third : names) {
          const TreePath leaf = top.child(second).child(third);
          if (pruned) {
            EXPECT_TRUE(patterns.excluded(leaf)) << file << " | " << leaf.str();
          }
        }
      }
    }
  }
}

TEST(Ignore, empty_patterns_exclude_nothing) {
  const IgnorePatterns none;
  EXPECT_TRUE(none.empty());
  EXPECT_FALSE(none.has_exceptions());
  EXPECT_FALSE(none.excluded(TreePath::clean("a")));
  EXPECT_FALSE(parse_ignore("*").excluded(TreePath()));
}

TEST(Ignore, COPY_33_exclude_flags) {
  const IgnorePatterns patterns({"*.txt", "!keep.txt"});
  EXPECT_TRUE(patterns.excluded(TreePath::clean("a.txt")));
  EXPECT_FALSE(patterns.excluded(TreePath::clean("keep.txt")));
  EXPECT_FALSE(patterns.excluded(TreePath::clean("d/a.txt")));
}

TEST(Ignore, many_patterns_and_greedy_ones_stay_cheap) {
  std::string file;
  for (int i = 0; i < 20000; ++i) file += cat("dir", i, "/file\n");
  file += "**/*a*a*a*a*a*a*a*a*b\n";
  const IgnorePatterns patterns = parse_ignore(file);
  EXPECT_TRUE(patterns.excluded(TreePath::clean("dir19999/file/x")));
  EXPECT_FALSE(patterns.excluded(TreePath::clean(std::string(3000, 'a'))));
}

}  // namespace
}  // namespace cooper::parser
