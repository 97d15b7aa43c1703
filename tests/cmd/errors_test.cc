#include "cmd/errors.h"

#include <gtest/gtest.h>

#include "builder/step_error.h"
#include "cmd/app.h"
#include "parser/source.h"

namespace cooper::cmd {
namespace {

TEST(ExitCodes, one_table) {
  EXPECT_EQ(exit_code_of(Errc::step_failed), 1);
  EXPECT_EQ(exit_code_of(Errc::not_found), 1);
  EXPECT_EQ(exit_code_of(Errc::invalid), 2);
  EXPECT_EQ(exit_code_of(Errc::unsupported), 2);
  EXPECT_EQ(exit_code_of(Errc::corrupt), 3);
  EXPECT_EQ(exit_code_of(Errc::denied), 3);
  EXPECT_EQ(exit_code_of(Errc::network), 3);
  EXPECT_EQ(exit_code_of(Errc::io), 3);
  EXPECT_EQ(exit_code_of(Errc::cancelled), 130);
}

struct Reported {
  int code = -1;
  std::string text;
};

template <class Failure>
Reported report_of(const Failure& failure,
                   const Excerpts& excerpts = {"Dockerfile", "FROM a\nRUN b\n", ""}) {
  ::testing::internal::CaptureStderr();
  Reported reported;
  reported.code = report(std::make_exception_ptr(failure), excerpts);
  reported.text = ::testing::internal::GetCapturedStderr();
  return reported;
}

TEST(Report, ERR_01_ERR_03_a_dockerfile_error_shows_its_lines) {
  parser::DockerfileError error("unknown instruction: BUN", {{2, 2}});
  error.mark_syntax();
  const Reported reported = report_of(error);
  EXPECT_EQ(reported.code, 2);
  EXPECT_NE(reported.text.find("Dockerfile:2\n--------------------\n"), std::string::npos)
      << reported.text;
  EXPECT_NE(reported.text.find(">>> RUN b"), std::string::npos) << reported.text;
  EXPECT_NE(reported.text.find("dockerfile parse error on line 2: unknown instruction: BUN"),
            std::string::npos);
}

TEST(Report, ERR_03_what_reads_well_and_can_not_be_built_is_no_parse_error) {
  const Reported reported = report_of(parser::DockerfileError("no such stage", {{2, 2}}));
  EXPECT_NE(reported.text.find("ERROR: failed to solve: no such stage\n"), std::string::npos) << reported.text;
}

TEST(Report, ERR_03_a_failed_step_repeats_its_output) {
  builder::Step step;
  step.range = {2, 2};
  const Reported reported = report_of(builder::StepError(Errc::step_failed, "exit code: 7", step, 7),
                                      {"Dockerfile", "FROM a\nRUN b\n", "------\n > RUN b:\nsaid\n------\n"});
  EXPECT_TRUE(reported.text.starts_with("------\n > RUN b:\nsaid\n------\nDockerfile:2\n")) << reported.text;
}

TEST(Report, control_characters_do_not_reach_the_terminal) {
  const Reported reported =
      report_of(parser::DockerfileError("odd \x1b[2J", {{1, 1}}), {"Dockerfile", "FROM \x1b]0;x\x07\n", ""});
  EXPECT_EQ(reported.text.find("\x1b["), std::string::npos);
  EXPECT_EQ(reported.text.find("\x1b]"), std::string::npos);
}

TEST(Report, an_error_without_a_place_has_no_excerpt) {
  const Reported reported = report_of(parser::DockerfileError("no stages"));
  EXPECT_EQ(reported.text, "ERROR: failed to solve: no stages\n");
}

TEST(Report, a_step_error_shows_its_step) {
  builder::Step step;
  step.range = {1, 2};
  const Reported reported =
      report_of(builder::StepError(Errc::step_failed, "exit code: 7", step, 7));
  EXPECT_EQ(reported.code, 1);
  EXPECT_NE(reported.text.find(">>> FROM a"), std::string::npos) << reported.text;
  EXPECT_NE(reported.text.find(">>> RUN b"), std::string::npos) << reported.text;
  EXPECT_NE(reported.text.find("ERROR: failed to solve: exit code: 7\n"), std::string::npos);
}

TEST(Report, names_from_outside_give_the_terminal_no_orders) {
  EXPECT_EQ(report_of(Error(Errc::invalid, "layer: member a\x1b[2J\a:\nno")).text,
            "ERROR: layer: member a?[2J?:\nno\n");
}

TEST(Report, other_errors_are_told_once_with_their_contexts) {
  Error error(Errc::network, "refused");
  error.add_context("pulling x");
  const Reported reported = report_of(error);
  EXPECT_EQ(reported.code, 3);
  EXPECT_EQ(reported.text, "ERROR: pulling x: refused\n");
  EXPECT_EQ(report_of(std::runtime_error("odd")).text, "ERROR: internal: odd\n");
}

// -- the command line -----------------------------------------------------------------------------

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};

Ran run_words(std::vector<std::string> words) {
  words.insert(words.begin(), "cooper");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Ran ran;
  ran.code = run(static_cast<int>(argv.size()), argv.data());
  ran.out = ::testing::internal::GetCapturedStdout();
  ran.err = ::testing::internal::GetCapturedStderr();
  return ran;
}

TEST(CommandLine, usage_errors_are_2) {
  const std::vector<std::vector<std::string>> table = {{},
                                                       {"bogus"},
                                                       {"build"},
                                                       {"build", "--bogus", "."},
                                                       {"build", ".", "extra"},
                                                       {"tag", "one"},
                                                       {"store"},
                                                       {"build", "--threads=-1", "."}};
  for (const auto& words : table)
    EXPECT_EQ(run_words(words).code, 2) << (words.empty() ? "" : words.back());
}

TEST(CommandLine, version_and_help_succeed) {
  const Ran version = run_words({"version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_TRUE(version.out.starts_with("cooper ")) << version.out;
  EXPECT_EQ(run_words({"--version"}).code, 0);
  const Ran help = run_words({"build", "--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_NE(help.out.find("--build-arg"), std::string::npos);
}

TEST(CommandLine, spellings_of_docker_are_understood_with_a_notice) {
  const Ran ran = run_words({"buildx", "build", "--bogus", "."});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("notice: buildx build is build"), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace cooper::cmd
