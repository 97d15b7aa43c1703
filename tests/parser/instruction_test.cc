// Typed members of instructions; texts and trees are in the golden directories.
#include "parser/instruction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parser/dockerfile.h"
#include "tests/parser/expect_error.h"

namespace cooper::parser {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using RunInstruction = Run;  // ::testing::Test has a private Run

// The instruction that stands alone in a stage.
template <class Kind>
Kind only(const std::string& text) {
  const Dockerfile file = parse_dockerfile("f", "FROM x\n" + text);
  EXPECT_EQ(file.instructions.size(), 2U) << text;
  return std::get<Kind>(file.instructions.at(1));
}

TEST(Instruction, FROM_02_04_stage_names) {
  const Dockerfile file = parse_dockerfile("f", "FROM --platform= Img AS Base\nFROM Base\n");
  const From& first = std::get<From>(file.instructions[0]);
  EXPECT_EQ(first.stage, "base");
  EXPECT_EQ(first.stage_written, "Base");
  EXPECT_TRUE(first.has_platform);
  EXPECT_EQ(first.image, "Img");
  EXPECT_EQ(std::get<From>(file.instructions[1]).image, "Base");
}

TEST(Instruction, ARG_07_empty_is_not_absent) {
  const Arg arg = only<Arg>("ARG a b= c=\"x y\"\n");
  ASSERT_EQ(arg.entries.size(), 3U);
  EXPECT_EQ(arg.entries[0].value, std::nullopt);
  EXPECT_EQ(arg.entries[1].value, "");
  EXPECT_EQ(arg.entries[2].value, "\"x y\"");
}

TEST(Instruction, ENV_02_legacy) {
  const Env env = only<Env>("ENV k  a =b  c\n");
  EXPECT_TRUE(env.legacy);
  ASSERT_EQ(env.entries.size(), 1U);
  EXPECT_EQ(env.entries[0].key, "k");
  EXPECT_EQ(env.entries[0].value, "a =b  c");
  EXPECT_FALSE(only<Env>("ENV k=v\n").legacy);
}

TEST(Instruction, RUN_01_forms) {
  EXPECT_THAT(only<RunInstruction>("RUN a  'b'\n").command.args, ElementsAre("a  'b'"));
  EXPECT_TRUE(only<RunInstruction>("RUN a\n").command.shell_form);
  const RunInstruction exec = only<RunInstruction>("RUN [\"a\", \"$b\"]\n");
  EXPECT_FALSE(exec.command.shell_form);
  EXPECT_THAT(exec.command.args, ElementsAre("a", "$b"));
  EXPECT_THAT(only<RunInstruction>("RUN\n").command.args, ElementsAre(""));
}

TEST(Instruction, RUN_17_18_19_flags) {
  const RunInstruction run = only<RunInstruction>(
      "RUN --network=none --security=insecure --device=a/b=c,required --mount=type=ssh x\n");
  EXPECT_EQ(run.network, NetworkMode::none);
  EXPECT_EQ(run.security, SecurityMode::insecure);
  ASSERT_EQ(run.devices.size(), 1U);
  EXPECT_EQ(run.devices[0].name, "a/b=c");
  EXPECT_TRUE(run.devices[0].required);
  EXPECT_THAT(run.mounts, ElementsAre("type=ssh"));
}

TEST(Instruction, COPY_flags) {
  const Copy copy = only<Copy>(
      "COPY --from=b --chown=u:g --chmod=u=rwX --link --parents --exclude=a --exclude=b x y z/\n");
  EXPECT_EQ(copy.from, "b");
  EXPECT_EQ(copy.chown, "u:g");
  EXPECT_EQ(copy.chmod, "u=rwX");
  EXPECT_TRUE(copy.link);
  EXPECT_TRUE(copy.parents);
  EXPECT_THAT(copy.excludes, ElementsAre("a", "b"));
  EXPECT_THAT(copy.sources, ElementsAre("x", "y"));
  EXPECT_EQ(copy.destination, "z/");
  EXPECT_FALSE(only<Copy>("COPY --link=FALSE x y\n").link);
}

TEST(Instruction, ADD_flags_are_three_valued) {
  const Add plain = only<Add>("ADD x y\n");
  EXPECT_EQ(plain.unpack, std::nullopt);
  EXPECT_EQ(plain.keep_git_dir, std::nullopt);
  const Add add = only<Add>("ADD --unpack=false --keep-git-dir --checksum=sha256:0 x y\n");
  EXPECT_EQ(add.unpack, false);
  EXPECT_EQ(add.keep_git_dir, true);
  EXPECT_EQ(add.checksum, "sha256:0");
}

TEST(Instruction, HEREDOC_02_12_14_copy) {
  const Copy copy = only<Copy>("COPY a <<X << \"Y\" b /d/\nx\nX\ny\nY\n");
  EXPECT_THAT(copy.sources, ElementsAre("a", "b"));
  ASSERT_EQ(copy.heredocs.size(), 2U);
  EXPECT_EQ(copy.heredocs[0].name, "X");
  EXPECT_TRUE(copy.heredocs[0].expand);
  EXPECT_EQ(copy.heredocs[0].body, "x\n");
  EXPECT_FALSE(copy.heredocs[1].expand);
  EXPECT_EQ(copy.destination, "/d/");
}

TEST(Instruction, HEREDOC_08_sole_body_is_the_text) {
  EXPECT_EQ(run_text(only<RunInstruction>("RUN <<EOF\na\nb\nEOF\n")), "a\nb\n");
  EXPECT_EQ(run_text(only<RunInstruction>("RUN  << EOF  \na\nEOF\n")), "a\n");
  EXPECT_EQ(run_text(only<RunInstruction>("RUN <<-EOF\n\t\ta\n\tEOF\n")), "a\n");
  EXPECT_EQ(run_text(only<RunInstruction>("RUN --network=none <<EOF\na\nEOF\n")), "a\n");
  EXPECT_EQ(run_text(only<RunInstruction>("RUN plain\n")), "plain");
}

TEST(Instruction, HEREDOC_09_scripts) {
  const auto script = run_script(only<RunInstruction>("RUN <<EOF\n#!/usr/bin/env x\nb\nEOF\n"));
  ASSERT_TRUE(script.has_value());
  EXPECT_EQ(script->first, "EOF");
  EXPECT_EQ(script->second, "#!/usr/bin/env x\nb\n");
  EXPECT_EQ(run_script(only<RunInstruction>("RUN cat <<EOF\n#!x\nEOF\n")), std::nullopt);
  EXPECT_EQ(run_script(only<RunInstruction>("RUN <<EOF\nx\nEOF\n")), std::nullopt);
  EXPECT_EQ(run_script(only<RunInstruction>("RUN x\n")), std::nullopt);
}

TEST(Instruction, HEREDOC_10_line_and_bodies_together) {
  EXPECT_EQ(run_text(only<RunInstruction>("RUN cat <<\"A\" 3<<-B\n$x\nA\n\ty\n\tB\n")),
            "cat <<\"A\" 3<<-B\n$x\nA\n\ty\nB");
}

TEST(Instruction, HEALTH_01_to_05) {
  const Healthcheck check = only<Healthcheck>(
      "HEALTHCHECK --interval=1m30s --timeout=1.5s --start-period=0 --start-interval=2h "
      "--retries=3 CMD a  b\n");
  EXPECT_THAT(check.test, ElementsAre("CMD-SHELL", "a  b"));
  EXPECT_EQ(check.interval_ns, 90'000'000'000);
  EXPECT_EQ(check.timeout_ns, 1'500'000'000);
  EXPECT_EQ(check.start_period_ns, std::nullopt);
  EXPECT_EQ(check.start_interval_ns, 7'200'000'000'000);
  EXPECT_EQ(check.retries, 3);
  EXPECT_THAT(only<Healthcheck>("HEALTHCHECK CMD [\"a\"]\n").test, ElementsAre("CMD", "a"));
  EXPECT_THAT(only<Healthcheck>("HEALTHCHECK none\n").test, ElementsAre("NONE"));
  EXPECT_EQ(only<Healthcheck>("HEALTHCHECK --retries=0 CMD x\n").retries, std::nullopt);
}

TEST(Instruction, EXPOSE_04_sorted) {
  EXPECT_THAT(only<Expose>("EXPOSE 2375 1234/udp $P\n").ports,
              ElementsAre("$P", "1234/udp", "2375"));
}

TEST(Instruction, SHELL_and_CMD_05) {
  EXPECT_THAT(only<Shell>("SHELL [\"/bin/bash\", \"-c\"]\n").shell, ElementsAre("/bin/bash", "-c"));
  const Cmd cmd = only<Cmd>("CMD []\n");
  EXPECT_FALSE(cmd.command.shell_form);
  EXPECT_THAT(cmd.command.args, IsEmpty());
  EXPECT_TRUE(only<Entrypoint>("ENTRYPOINT x\n").command.shell_form);
}

TEST(Instruction, ONBUILD_01_triggers_survive_the_round_trip) {
  const Onbuild onbuild =
      only<Onbuild>("ONBUILD COPY --chmod=600 <<-\"EOF\" a \\\n /d/\n\tbody\n\tEOF\n");
  EXPECT_EQ(onbuild.trigger, "COPY --chmod=600 <<-\"EOF\" a  /d/\n\tbody\nEOF");
  const Copy copy = std::get<Copy>(parse_trigger(onbuild.trigger));
  EXPECT_EQ(copy.chmod, "600");
  EXPECT_THAT(copy.sources, ElementsAre("a"));
  ASSERT_EQ(copy.heredocs.size(), 1U);
  EXPECT_EQ(copy.heredocs[0].body, "body\n");
  EXPECT_FALSE(copy.heredocs[0].expand);
}

TEST(Instruction, ONBUILD_bad_triggers) {
  EXPECT_THAT(error_of([] { parse_trigger("FUTURE x"); }),
              HasSubstr("unknown instruction: FUTURE"));
  EXPECT_THAT(error_of([] { parse_trigger("RUN a\nRUN b"); }), HasSubstr("single instruction"));
  EXPECT_THAT(error_of([] { parse_trigger(" # x"); }), HasSubstr("no instruction"));
  EXPECT_THAT(error_of([] { parse_trigger("RUN <<EOF\nx"); }), HasSubstr("unterminated heredoc"));
}

TEST(Instruction, ERR_02_ranges_and_CALL_05_comments) {
  const Dockerfile file = parse_dockerfile(
      "f", "# syntax=x\n# base one\n\n# two\nFROM a\nRUN b \\\n# in\n c\nRUN <<E\nx\nE\n");
  EXPECT_EQ(origin_of(file.instructions[0]).range, (SourceRange{5, 5}));
  EXPECT_THAT(origin_of(file.instructions[0]).comments, ElementsAre("base one", "two"));
  EXPECT_EQ(origin_of(file.instructions[1]).range, (SourceRange{6, 8}));
  EXPECT_THAT(origin_of(file.instructions[1]).comments, IsEmpty());
  EXPECT_EQ(origin_of(file.instructions[2]).range, (SourceRange{9, 11}));
  EXPECT_EQ(origin_of(file.instructions[1]).text, "RUN b  c");
}

}  // namespace
}  // namespace cooper::parser
