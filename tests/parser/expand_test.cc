#include "parser/expand.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/parser/expect_error.h"

namespace cooper::parser {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::map<std::string, std::string, std::less<>> kEnvironment = {{"foo", "bar"},
                                                                      {"foo_bar", "joined"},
                                                                      {"empty", ""},
                                                                      {"path", "/a/b/c.tar.gz"},
                                                                      {"ports", "3000 4000/udp"},
                                                                      {"star", "a*b"},
                                                                      {"two", "x\ny"},
                                                                      {"uni", "\xC3\xA9t\xC3\xA9"},
                                                                      {"spaced", "  a  b "},
                                                                      {"v", "abcabc"},
                                                                      {"brace", "a}b/c"}};

std::optional<std::string> look_up(std::string_view name) {
  const auto found = kEnvironment.find(name);
  if (found == kEnvironment.end()) return std::nullopt;
  return found->second;
}

std::string expand(std::string_view text) {
  return expand_word(text, '\\', look_up);
}

struct Case {
  const char* input;
  const char* output;
};

void expect_all(const std::vector<Case>& cases) {
  for (const Case& row : cases) EXPECT_EQ(expand(row.input), row.output) << row.input;
}

TEST(Expand, EXP_01_02_names) {
  expect_all({{"$foo", "bar"},
              {"${foo}", "bar"},
              {"a${foo}b", "abarb"},
              {"$foo_bar", "joined"},
              {"${foo}_bar", "bar_bar"},
              {"$unset", ""},
              {"x${unset}y", "xy"},
              {"$foo.x", "bar.x"},
              {"$foo\xE2\x80\x94x", "bar\xE2\x80\x94x"},
              {"$foo$foo", "barbar"},
              {"plain", "plain"},
              {"", ""}});
}

TEST(Expand, EXP_03_04_defaults_and_alternatives) {
  expect_all({{"${unset:-w}", "w"},
              {"${empty:-w}", "w"},
              {"${foo:-w}", "bar"},
              {"${unset-w}", "w"},
              {"${empty-w}", ""},
              {"${foo-w}", "bar"},
              {"${unset:+w}", ""},
              {"${empty:+w}", ""},
              {"${foo:+w}", "w"},
              {"${unset+w}", ""},
              {"${empty+w}", "w"},
              {"${foo+w}", "w"},
              {"${unset:-}", ""},
              {"${unset:-a b}", "a b"},
              {"${unset:-\"a}b\"}", "a}b"},
              {"${unset:-a\\}b}", "a}b"},
              {"${1:-x}", "x"},
              {"${unset:-{x}", "{x"},
              {"${foo}}", "bar}"}});
}

TEST(Expand, EXP_05_assertions) {
  expect_all({{"${foo:?no}", "bar"}, {"${foo?no}", "bar"}, {"${empty?no}", ""}});
  const std::vector<Case> failures = {{"${unset:?must be set}", "unset: must be set"},
                                      {"${empty:?$foo}", "empty: bar"},
                                      {"${unset?gone}", "unset: gone"},
                                      {"${unset:?}", "unset: is not allowed to be unset"},
                                      {"${empty:?}", "empty: is not allowed to be empty"}};
  for (const Case& row : failures) {
    EXPECT_THAT(error_of([&] { expand(row.input); }), HasSubstr(row.output)) << row.input;
  }
}

TEST(Expand, EXP_06_prefix_and_suffix) {
  expect_all({{"${path#*/}", "a/b/c.tar.gz"},
              {"${path##*/}", "c.tar.gz"},
              {"${path%.*}", "/a/b/c.tar"},
              {"${path%%.*}", "/a/b/c"},
              {"${path#/?}", "/b/c.tar.gz"},
              {"${path#nothing}", "/a/b/c.tar.gz"},
              {"${path%nothing}", "/a/b/c.tar.gz"},
              {"${path##*}", ""},
              {"${path#*}", "/a/b/c.tar.gz"},
              {"${path%%*}", ""},
              {"${unset#x}", ""},
              {"${v%b*}", "abca"},
              {"${v%%b*}", "a"},
              {"${v##*b}", "c"},
              {"${uni%?}", "\xC3\xA9t"},
              {"${uni#?}", "t\xC3\xA9"},
              {"${two#*y}", "x\ny"}});
}

TEST(Expand, EXP_07_replacement) {
  expect_all({{"${v/b/X}", "aXcabc"},
              {"${v//b/X}", "aXcaXc"},
              {"${v/b*/X}", "aX"},
              {"${v//?/X}", "XXXXXX"},
              {"${v/x/Y}", "abcabc"},
              {"${v//abc/}", ""},
              {"${v/a*c/-}", "-"},
              {"${v//[a]/X}", "abcabc"},
              {"${v/b/$foo}", "abarcabc"},
              {"${v//c/\"/\"}", "ab/ab/"},
              {"${v/$unset/r}", "rabcabc"},
              {"${v///r}", "rarbrcrarbrcr"},
              {"${v//*/r}", "r"},
              {"${unset/a/b}", ""},
              {"${uni//\xC3\xA9/e}", "ete"},
              {"${v//b?a/-}", "a-bc"},
              {"${v/a\\*c/-}", "abcabc"},
              {"${star/a\\*b/-}", "-"}});
}

TEST(Expand, EXP_08_pattern_escapes) {
  expect_all({{"${star#a\\*}", "b"},
              {"${star/\\*/-}", "a-b"},
              {"${brace/\\}/-}", "a-b/c"},
              {"${brace/\\//-}", "a}b-c"}});
  for (const char* text : {"${v#\\a}", "${v/\\a/x}", "${v%\\.}"}) {
    EXPECT_THAT(error_of([&] { expand(text); }), HasSubstr("invalid escape")) << text;
  }
}

TEST(Expand, EXP_09_nesting) {
  expect_all({{"${unset:-${unset:-${foo}}}", "bar"},
              {"${unset:-a${empty:-b}c}", "abc"},
              {"${foo:+${unset:-x}}", "x"},
              {"${path##*${unset:-/}}", "c.tar.gz"},
              {"${v//${unset:-b}/${foo}}", "abarcabarc"}});
}

TEST(Expand, EXP_10_11_errors) {
  const std::vector<Case> failures = {{"${foo=w}", "unsupported modifier (=) in substitution"},
                                      {"${foo:=w}", "unsupported modifier (:=) in substitution"},
                                      {"${foo:1:2}", "unsupported modifier (:1) in substitution"},
                                      {"${foo:#p}", "unsupported modifier (:#) in substitution"},
                                      {"${foo:%p}", "unsupported modifier (:%) in substitution"},
                                      {"${foo^}", "unsupported modifier (^) in substitution"},
                                      {"${.}", "unsupported modifier (.) in substitution"},
                                      {"${foo", "missing '}'"},
                                      {"${", "missing '}'"},
                                      {"${foo:", "missing '}'"},
                                      {"${foo:-x", "missing '}'"},
                                      {"${foo:-'x}", "missing '}'"},
                                      {"${foo:-${unset}", "missing '}'"},
                                      {"${foo#x", "missing '}'"},
                                      {"${foo/a}", "missing '/' in ${}"},
                                      {"${foo/a", "missing '/' in ${}"},
                                      {"${foo/a/b", "missing '}'"},
                                      {"${}", "bad substitution"},
                                      {"${:x}", "bad substitution"},
                                      {"${{foo}}", "bad substitution"}};
  for (const Case& row : failures) {
    EXPECT_THAT(error_of([&] { expand(row.input); }), HasSubstr(row.output)) << row.input;
  }
}

TEST(Expand, EXP_12_special_names) {
  expect_all({{"a$1b", "ab"},
              {"$999x", "x"},
              {"$@", ""},
              {"$*", ""},
              {"$#", ""},
              {"$?", ""},
              {"$-", ""},
              {"$$", ""},
              {"$$$", "$"},
              {"$!", ""},
              {"$0", ""},
              {"$.", "$."},
              {"a$", "a$"},
              {"$ x", "$ x"},
              {"${@}", ""},
              {"${7}x", "x"},
              {"$/", "$/"}});
}

TEST(Expand, EXP_13_14_15_quotes_and_escapes) {
  expect_all({{"'$foo'", "$foo"},
              {"'a\\tb'", "a\\tb"},
              {"\"$foo\"", "bar"},
              {"\"'$foo'\"", "'bar'"},
              {"\"a\\tb\"", "a\\tb"},
              {"\"\\\"\"", "\""},
              {"\"\\$foo\"", "$foo"},
              {"\"\\\\\"", "\\"},
              {"\\$foo", "$foo"},
              {"a\\tb", "atb"},
              {"a\\ b", "a b"},
              {"hello\\", "hello"},
              {"x\"\"y''z", "xyz"},
              {"\"${unset:-\"q\"}\"", "q"}});
  EXPECT_EQ(expand_word("a`tb\\c`$foo", '`', look_up), "atb\\c$foo");  // DIR-05
  EXPECT_EQ(expand_word("\"`\"\\\"", '`', look_up), "\"\\");
}

TEST(Expand, EXP_16_open_quotes) {
  EXPECT_THAT(error_of([] { expand("'x"); }),
              HasSubstr("unexpected end of statement while looking for matching single-quote"));
  EXPECT_THAT(error_of([] { expand("a\"x\\\""); }),
              HasSubstr("unexpected end of statement while looking for matching double-quote"));
}

TEST(Expand, EXP_21_words) {
  const auto words = [](std::string_view text) { return expand_words(text, '\\', look_up); };
  EXPECT_THAT(words("$ports"), ElementsAre("3000", "4000/udp"));
  EXPECT_THAT(words("\"$ports\""), ElementsAre("3000 4000/udp"));
  EXPECT_THAT(words("x$spaced/y"), ElementsAre("x", "a", "b", "/y"));
  EXPECT_THAT(words("a\\ b c"), ElementsAre("a b", "c"));
  EXPECT_THAT(words("8${unset:-0}80"), ElementsAre("8080"));
  EXPECT_TRUE(words("$unset").empty());
  EXPECT_TRUE(words("\"\"").empty());
  EXPECT_EQ(expand("$ports"), "3000 4000/udp");
}

TEST(Expand, EXP_23_heredoc_bodies) {
  const auto body = [](std::string_view text) { return expand_heredoc(text, look_up); };
  EXPECT_EQ(body("'$foo' \"${foo}\"\n"), "'bar' \"bar\"\n");
  EXPECT_EQ(body("\\$foo \\\\\n"), "$foo \\\n");
  EXPECT_EQ(body("it's $unset fine\n"), "it's  fine\n");
  EXPECT_EQ(body("\\\n"), "\n");
  EXPECT_EQ(body("${unset:-'a'}"), "'a'");
}

TEST(Expand, CHECK_11_unset_names_are_collected_once) {
  std::vector<std::string> unset;
  expand_word("$a ${b:-$c} $foo $a ${d+x} $1", '\\', look_up, &unset);
  EXPECT_THAT(unset, ElementsAre("a", "c", "b", "d", "1"));
}

TEST(Expand, referenced_names_evaluates_nothing) {
  EXPECT_THAT(referenced_names("$a:${b:?x}${c:-$d}'$e'", '\\'), ElementsAre("a", "b", "d", "c"));
  EXPECT_TRUE(referenced_names("busybox:latest", '\\').empty());
}

TEST(Expand, hostile_input_stays_bounded) {
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "${a:-";
  EXPECT_THAT(error_of([&] { expand(deep); }), HasSubstr("nested more than"));

  const std::string value(100000, 'a');
  const Lookup many = [&value](std::string_view) { return std::optional(value); };
  EXPECT_EQ(expand_word("${x//*a*a*a*b/y}", '\\', many), value);
  EXPECT_EQ(expand_word("${x##*a*a*a*b}", '\\', many), value);
  EXPECT_EQ(expand_word("${x%%b*a*a*a}", '\\', many), value);
}

TEST(Expand, any_bytes_pass_through) {
  std::string bytes;
  for (int i = 1; i < 256; ++i) {
    const char c = static_cast<char>(i);
    if (std::string_view("\\$'\"").find(c) == std::string_view::npos) bytes += c;
  }
  EXPECT_EQ(expand(bytes), bytes);
  const Lookup self = [&bytes](std::string_view) { return std::optional(bytes); };
  EXPECT_EQ(expand_word("${x#nothing}${x//nothing/}", '\\', self), bytes + bytes);
}

}  // namespace
}  // namespace cooper::parser
