#include "parser/dockerfile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parser/ast_print.h"
#include "tests/parser/expect_error.h"

namespace cooper::parser {
namespace {

using ::testing::HasSubstr;

TEST(Directives, DIR_01_values_and_lines) {
  const Directives directives =
      parse_dockerfile(
          "f", "#syntax = docker/dockerfile:1 more\n# CHECK=skip=A;error=true\n#escape=`\nFROM a\n")
          .directives;
  EXPECT_EQ(directives.syntax, "docker/dockerfile:1");
  EXPECT_EQ(directives.syntax_range, (SourceRange{1, 1}));
  EXPECT_EQ(directives.check, "skip=A;error=true");
  EXPECT_EQ(directives.check_range, (SourceRange{2, 2}));
  EXPECT_EQ(directives.escape, '`');
}

TEST(Directives, DIR_02_end_of_block) {
  for (const char* text :
       {"\n# escape=`\nFROM a\n", "# x\n# escape=`\nFROM a\n", "# unknown=1\n# escape=`\nFROM a\n",
        "FROM a\n# escape=`\n", "#\n# escape=`\nFROM a\n", "# escape=\nFROM a\n"}) {
    EXPECT_EQ(parse_dockerfile("f", text).escape, '\\') << text;
  }
}

TEST(Directives, DIR_06_syntax_in_other_dress) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"# syntax=a/b:1\n", "a/b:1"},
      {"\xEF\xBB\xBF# syntax = a/b:1 c\n", "a/b:1"},
      {"#!/usr/bin/env x\n# syntax=a\n", "a"},
      {"#!/x\n//syntax=a\n", "a"},
      {"// escape=x\n// syntax = b\nother", "b"},
      {"{\"a\": [1, {\"syntax\": \"no\"}], \"syntax\": \"j\\u0031\"}", "j1"},
      {"{\"syntax\": 1}", ""},
      {"{\"syntax\": \"a\"} junk", ""},
      {"FROM a\n# syntax=x\n", ""},
      {"", ""}};
  for (const auto& [text, syntax] : rows) EXPECT_EQ(find_syntax(text), syntax) << text;
  EXPECT_EQ(parse_dockerfile("f", "#!/x\n# syntax=a\n# check=skip=all\nFROM b\n").directives.check,
            "skip=all");
}

TEST(Lexer, LEX_09_line_limit) {
  const std::string head = "FROM a\nRUN ";
  EXPECT_NO_THROW(parse_dockerfile("f", head + std::string(65535 - 4, 'x') + "\n"));
  for (const char* end : {"\n", ""}) {
    try {
      parse_dockerfile("f", head + std::string(65536 - 4, 'x') + end);
      ADD_FAILURE() << "accepted";
    } catch (const DockerfileError& error) {
      EXPECT_THAT(error.message(),
                  HasSubstr("dockerfile line greater than max allowed size of 65535"));
      EXPECT_EQ(error.ranges(), (std::vector<SourceRange>{{2, 2}}));
    }
  }
  EXPECT_THAT(error_of([] {
                parse_dockerfile("f", "FROM a\nRUN <<E\n" + std::string(65536, 'x') + "\nE\n");
              }),
              HasSubstr("max allowed size"));
}

TEST(Lexer, long_inputs_are_linear) {
  std::string text = "FROM a\nRUN true";
  for (int i = 0; i < 20000; ++i) text += " \\\n  && true";
  for (int i = 0; i < 20000; ++i) text += "\nENV a" + std::to_string(i) + "=\"x y\"";
  text += "\nCMD [" + std::string(30000, '[') + "\n";
  EXPECT_EQ(parse_dockerfile("f", text).instructions.size(), 20003U);
}

// Whatever is cut off, the parser answers with a tree or a DockerfileError.
TEST(Lexer, truncation_at_every_byte) {
  const std::string text =
      "# escape=`\n# syntax=x\nARG a=\"b c\"\nFROM --platform=$P a:${b:-c} AS d\nRUN "
      "--mount=type=bind,target=/x `\n  # c\n\n"
      "  [\"a\", {\"b\": [1.5e3, null]}]\nCOPY --from=x <<-\"E F\" <<G a /b\n\tx\n\tE "
      "F\ny\nG\nHEALTHCHECK --interval=1m CMD "
      "[\"\\ud83d\\ude00\"]\nONBUILD RUN <<X\n1\nX\nEXPOSE 1-2/udp\n";
  std::string flat = text;
  flat.replace(flat.find("{\"b\": [1.5e3, null]}"), 20, "\"b\"");
  EXPECT_NO_THROW(parse_dockerfile("f", flat));
  for (const std::string& whole : {text, flat}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      try {
        print_ast(parse_dockerfile("f", whole.substr(0, size)));
      } catch (const DockerfileError& error) {
        EXPECT_FALSE(error.message().empty());
      }
    }
  }
}

TEST(Lexer, deep_json_does_not_eat_the_stack) {
  const std::string deep = std::string(30000, '[') + std::string(30000, ']');
  EXPECT_NO_THROW(parse_dockerfile(
      "f", "FROM a\nCMD " + deep + "\n"));  // deeper than any decoder goes: shell form
  EXPECT_THAT(error_of([] {
                parse_dockerfile(
                    "f", "FROM a\nCMD " + std::string(99, '[') + std::string(99, ']') + "\n");
              }),
              HasSubstr("arrays must be comprised of strings only"));
}

}  // namespace
}  // namespace cooper::parser
