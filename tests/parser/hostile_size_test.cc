// Inputs of hostile size. Nothing is timed: what is linear takes a moment, what is not would not
// end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/tree_path.h"
#include "parser/ast_print.h"
#include "parser/csv.h"
#include "parser/dockerfile.h"
#include "parser/lint.h"
#include "parser/expand.h"
#include "parser/glob.h"
#include "parser/ignore.h"
#include "parser/json_text.h"
#include "parser/lines.h"
#include "parser/ports.h"
#include "tests/parser/expect_error.h"

namespace cooper::parser {
namespace {

using ::testing::HasSubstr;

std::string times(std::size_t count, std::string_view piece) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += piece;
  return out;
}

// One logical line of that many pieces, in physical lines of a lawful length.
std::string long_line(std::string_view head, std::size_t count, std::string_view piece) {
  std::string out(head);
  for (std::size_t i = 0; i < count; ++i) {
    out += piece;
    if (i % 1000 == 999 && i + 1 < count) out += "\\\n";
  }
  return out;
}

template <class Kind>
const Kind& at(const Dockerfile& file, std::size_t index) {
  return std::get<Kind>(file.instructions.at(index));
}

std::optional<std::string> look_up(std::string_view name) {
  if (name == "k") return std::string(1000, 'x');
  if (name == "line") return std::string(60 * 1000, 'x');
  if (name == "m") return std::string(1000 * 1000, 'x');
  return std::nullopt;
}

std::string expand(std::string_view text, std::vector<std::string>* unset = nullptr) {
  return expand_word(text, '\\', look_up, unset);
}

TEST(HostileSize, instructions_and_findings) {
  constexpr std::size_t kCount = 100'000;
  const Dockerfile file = parse_dockerfile("f", "FROM a\n" + times(kCount, "# note\nenv A b\n"));
  EXPECT_EQ(file.instructions.size(), kCount + 1);
  // Old spelling is told of while planning; lower case is the custom here, but for the FROM.
  Findings findings;
  lint_text(file, findings);
  EXPECT_EQ(findings.sorted().size(), 1u);
  EXPECT_EQ(print_ast(file).size(), 11 + kCount * 14);
}

TEST(HostileSize, stages) {
  std::string text;
  for (int i = 0; i < 10'000; ++i)
    text += cat("FROM s", i, " AS s", i + 1, "\nCOPY --from=s", i, " / /\n");
  const Dockerfile file = parse_dockerfile("f", text);
  EXPECT_EQ(file.instructions.size(), 20'000u);
  Findings findings;
  lint_text(file, findings);
  EXPECT_TRUE(findings.empty());
  EXPECT_EQ(at<From>(file, 19'998).stage, "s10000");
}

TEST(HostileSize, LEX_09_lines) {
  const std::string megabyte(1 << 20, 'x');
  EXPECT_THAT(error_of([&] { parse_dockerfile("f", "FROM a\nRUN " + megabyte); }),
              HasSubstr("max allowed size"));
  const Dockerfile file = parse_dockerfile("f", long_line("FROM a\nRUN echo", 1 << 18, " xyz"));
  EXPECT_EQ(at<parser::Run>(file, 1).command.args.front().size(), 4U + 4 * (1 << 18));
  const Dockerfile only_marks = parse_dockerfile("f", "FROM a\n" + times(1 << 20, "\\\n"));
  EXPECT_EQ(only_marks.instructions.size(), 1u);
}

TEST(HostileSize, words_of_a_line) {
  constexpr std::size_t kCount = 200'000;
  const Dockerfile file = parse_dockerfile(
      "f", "FROM a\n" + long_line("ENV ", kCount, "A=b ") + "\n" +
               long_line("COPY ", kCount, "a ") + "/d/\n" + long_line("EXPOSE ", kCount, "8 ") +
               "\n" + long_line("CMD [\"\"", kCount, ",\"\"") + "]\n" +
               long_line("RUN ", kCount, "--mount=type=tmpfs,target=/t ") + "true\n");
  EXPECT_EQ(at<Env>(file, 1).entries.size(), kCount);
  EXPECT_EQ(at<Copy>(file, 2).sources.size(), kCount);
  EXPECT_EQ(at<Expose>(file, 3).ports.size(), kCount);
  EXPECT_EQ(at<Cmd>(file, 4).command.args.size(), kCount + 1);
  EXPECT_EQ(at<parser::Run>(file, 5).mounts.size(), kCount);
  EXPECT_EQ(split_csv(times(kCount, "\"a,b\",") + "c").size(), kCount + 1);
}

TEST(HostileSize, heredoc_bodies) {
  constexpr std::size_t kLines = 1 << 20;
  const Dockerfile file =
      parse_dockerfile("f", "FROM a\nCOPY <<-E /e\n" + times(kLines, "\tline\n") + "\tE\n");
  EXPECT_EQ(at<Copy>(file, 1).heredocs.front().body.size(), kLines * 5);
  EXPECT_EQ(at<Copy>(file, 1).origin.range.last_line, static_cast<int>(kLines) + 3);
}

TEST(HostileSize, heredocs_of_a_line) {
  constexpr std::size_t kCount = 100'000;
  const std::string words = long_line("", kCount, "<<E ");
  const Dockerfile file =
      parse_dockerfile("f", "FROM a\nCOPY " + words + "/d/\n" + times(kCount, "E\n") + "RUN " +
                                words + "\n" + times(kCount, "E\n"));
  EXPECT_EQ(at<Copy>(file, 1).heredocs.size(), kCount);
  EXPECT_TRUE(at<Copy>(file, 1).sources.empty());
  EXPECT_EQ(at<parser::Run>(file, 2).heredocs.size(), kCount);
  EXPECT_EQ(run_text(at<parser::Run>(file, 2)).size(), kCount * 4 - 1 + kCount * 2);
}

TEST(HostileSize, json_nesting) {
  const std::string open = times(1 << 20, "[");
  EXPECT_EQ(read_json_array(open).form, JsonForm::none);
  EXPECT_EQ(read_json_array("[" + times(1 << 20, "[],") + "1]").form, JsonForm::mixed);
  EXPECT_EQ(read_json_array("[\"" + times(1 << 18, "\\ud83d") + "\"]").strings.front().size(),
            3U << 18);
}

TEST(HostileSize, EXP_01_names) {
  constexpr std::size_t kCount = 200'000;
  std::string text;
  for (std::size_t i = 0; i < kCount; ++i) text += cat("$n", i, " ");
  std::vector<std::string> unset;
  EXPECT_EQ(expand(text, &unset).size(), kCount);
  EXPECT_EQ(unset.size(), kCount);
  EXPECT_EQ(referenced_names(text, '\\').size(), kCount);
}

TEST(HostileSize, EXP_09_nesting) {
  const std::string nest = times(500, "${a:-\"") + "x" + times(500, "\"}");
  EXPECT_EQ(expand(times(1000, nest)), std::string(1000, 'x'));
  EXPECT_THAT(error_of([] { expand(times(1 << 18, "${a:-")); }),
              HasSubstr("nested more than 500 deep"));
}

TEST(HostileSize, EXP_07_expansions_are_bounded) {
  EXPECT_EQ(expand(times(4, "$m")).size(), 4u * 1000 * 1000);
  for (const std::string& bomb :
       {times(5, "$m"), times(1 << 18, "$k"), std::string("${k//x/${k//x/${k//x/$k}}}"),
        "${m//x/" + std::string(100, 'y') + "}", std::string("${k//x/$m}")}) {
    EXPECT_THAT(error_of([&] { expand(bomb); }), HasSubstr("adds more than 4 MiB"))
        << bomb.substr(0, 40);
    EXPECT_THAT(error_of([&] { expand_words(bomb, '\\', look_up); }),
                HasSubstr("adds more than 4 MiB"));
    EXPECT_THAT(error_of([&] { expand_heredoc(bomb, look_up); }),
                HasSubstr("adds more than 4 MiB"));
  }
  const std::string body(20 << 20, 'b');  // is long as it is
  EXPECT_EQ(expand_heredoc(body, look_up), body);
}

TEST(HostileSize, EXP_06_EXP_07_patterns_take_no_minutes) {
  const std::string pattern = times(100, "x*") + "y";
  EXPECT_EQ(expand("${m##" + pattern + "}").size(), 1000u * 1000);
  EXPECT_EQ(expand("${m%%" + pattern + "}").size(), 1000u * 1000);
  EXPECT_EQ(expand("${m//" + pattern + "/z}").size(), 1000u * 1000);
  EXPECT_EQ(expand("${m//" + times(100, "x*") + "/z}"), "z");
  EXPECT_EQ(expand("${line#$line}"), "");
  EXPECT_EQ(expand("${line/$line/}"), "");
  EXPECT_THAT(error_of([&] { expand("${m//$m$m/}${m##*$m*y}"); }),
              HasSubstr("too long for a substitution"));
}

TEST(HostileSize, wildcards_against_long_names) {
  const std::string name(255, 'a');
  const std::string path = name + "/" + name + "/" + name;
  std::string file;
  for (int i = 1; i <= 100; ++i)
    file += times(static_cast<std::size_t>(i), "a*") + "b\n" + times(50, "**/a*") + "c\n";
  const IgnorePatterns patterns = parse_ignore(file);
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(patterns.excluded(TreePath::clean(cat(path, "/", i))));
  EXPECT_TRUE(patterns.excluded(TreePath::clean(name + "b")));
  EXPECT_FALSE(glob_match(times(1000, "[a-b]*") + "c", std::string(4096, 'a')));
}

TEST(HostileSize, EXPOSE_01_ranges) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(parse_ports("0-65535/udp").ports.size(), 65'536u);
}

}  // namespace
}  // namespace cooper::parser
