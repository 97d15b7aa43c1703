// Instructions that fold into the config: WORKDIR, CMD, ONBUILD and the like.
#include <gtest/gtest.h>

#include "builder/planner.h"
#include "tests/builder/plan_fixture.h"

namespace cooper::builder {
namespace {

using Ranges = std::vector<parser::SourceRange>;
using MaybeWords = std::optional<Words>;

oci::ImageConfig config_of(const std::string& body) {
  return plan_of("FROM busybox\n" + body).result().config;
}

TEST(Workdir, WORKDIR_01_paths) {
  struct Row {
    const char* body;
    const char* path;
  };
  const Row table[] = {{"WORKDIR /a\nWORKDIR b\n", "/a/b"},  {"WORKDIR /a/\n", "/a"},
                       {"WORKDIR a/../b/./c\n", "/b/c"},     {"WORKDIR ~\n", "/~"},
                       {"ENV D=/x\nWORKDIR $D/y\n", "/x/y"}, {"WORKDIR /a b\n", "/a b"},
                       {"WORKDIR /a\nWORKDIR ../..\n", "/"}};
  for (const Row& row : table) EXPECT_EQ(config_of(row.body).working_dir, row.path) << row.body;
  FakeResolver resolver;
  resolver.images["busybox"].config.working_dir = "/base";
  EXPECT_EQ(
      plan_of("FROM busybox\nWORKDIR sub\n", amd64_options(), resolver).result().config.working_dir,
      "/base/sub");
  resolver.images["busybox"].config.working_dir = "/base//x/";
  EXPECT_EQ(plan_of("FROM busybox\n", amd64_options(), resolver).result().config.working_dir, "/base/x");
  resolver.images["busybox"].config.working_dir = "";
  const Plan bare = plan_of("FROM busybox\nRUN x\nCOPY f d\n", amd64_options(), resolver);
  EXPECT_EQ(bare.result().config.working_dir, "");  // stays what the base says, and means /
  EXPECT_EQ(steps_of<RunStep>(bare).at(0).working_dir, "/");
  EXPECT_EQ(steps_of<CopyStep>(bare).at(0).destination, "/d");
  EXPECT_EQ(config_of("WORKDIR $unset\n").working_dir, "/");
}

TEST(Workdir, WORKDIR_05_where_it_counts) {
  const Plan plan = plan_of("FROM scratch AS a\nRUN before\nWORKDIR /w\nRUN x\nCOPY f d/\nADD g .\nFROM a\nRUN y\n");
  const auto runs = steps_of<RunStep>(plan);
  EXPECT_EQ(runs.at(0).working_dir, "/");
  EXPECT_EQ(runs.at(1).working_dir, "/w");
  EXPECT_EQ(runs.at(2).working_dir, "/w");
  EXPECT_EQ(steps_of<CopyStep>(plan).at(0).destination, "/w/d/");
  EXPECT_EQ(steps_of<CopyStep>(plan).at(1).destination, "/w/");
  EXPECT_EQ(plan.result().config.working_dir, "/w");
}

TEST(Workdir, WORKDIR_02_WORKDIR_04_a_layer_except_for_the_root) {
  const Plan plan = plan_of("FROM scratch\nWORKDIR /a\nWORKDIR /a\nWORKDIR /\n");
  EXPECT_EQ(steps_of<MakeDirStep>(plan).size(), 2U);
  EXPECT_EQ(new_history(plan), (Words{"WORKDIR /a", "WORKDIR /a", "WORKDIR /"}));
  EXPECT_FALSE(plan.result().history[2].step);
  EXPECT_TRUE(plan.result().history[1].step);
}

TEST(Cmd, CMD_03_entrypoint_clears_an_inherited_cmd) {
  EXPECT_EQ(config_of("").cmd, MaybeWords({"sh"}));
  EXPECT_EQ(config_of("ENTRYPOINT [\"e\"]\n").cmd, std::nullopt);
  EXPECT_EQ(
      plan_of("FROM scratch AS a\nCMD [\"c\"]\nFROM a\nENTRYPOINT [\"e\"]\n").result().config.cmd,
      std::nullopt);
}

TEST(Cmd, CMD_04_a_cmd_of_the_same_stage_survives) {
  EXPECT_EQ(config_of("CMD [\"c\"]\nENTRYPOINT [\"e\"]\n").cmd, MaybeWords({"c"}));
}

TEST(Cmd, CMD_02_the_last_one_counts) {
  const oci::ImageConfig config = config_of("CMD [\"a\"]\nENTRYPOINT [\"b\"]\nENTRYPOINT [\"c\"]\nCMD [\"d\"]\n");
  EXPECT_EQ(config.cmd, MaybeWords({"d"}));
  EXPECT_EQ(config.entrypoint, MaybeWords({"c"}));
}

TEST(Workdir, WORKDIR_01_paths_that_no_kernel_takes_are_refused) {
  const std::string longest = "FROM scratch\nWORKDIR /" + std::string(4094, 'd') + "\n";
  EXPECT_EQ(plan_of(longest).result().config.working_dir.size(), 4095U);
  const PlanFailure failure = failure_of(longest + "WORKDIR e\n");
  EXPECT_EQ(failure.message, "WORKDIR: the path would be longer than 4095 bytes");
  EXPECT_EQ(failure.ranges, (std::vector<parser::SourceRange>{{3, 3}}));
  EXPECT_EQ(failure.code, Errc::invalid);
}

TEST(Cmd, CMD_01_without_text_it_is_the_shell) {
  EXPECT_EQ(config_of("CMD\n").cmd, MaybeWords({"/bin/sh", "-c", ""}));
}

TEST(Cmd, CMD_05_empty_lists_count_as_set) {
  const oci::ImageConfig config = config_of("CMD []\nENTRYPOINT []\n");
  EXPECT_EQ(config.cmd, MaybeWords(Words{}));
  EXPECT_EQ(config.entrypoint, MaybeWords(Words{}));
}

TEST(Cmd, CMD_01_CMD_06_forms_and_history) {
  const Plan plan = plan_of(
      "FROM scratch\nCMD [\"a\", \"b \\\"c\"]\nSHELL [\"/bin/bash\", \"-c\"]\nENTRYPOINT x $Y\n");
  EXPECT_EQ(plan.result().config.entrypoint, MaybeWords({"/bin/bash", "-c", "x $Y"}));
  EXPECT_TRUE(plan.result().config.args_escaped);
  EXPECT_EQ(new_history(plan), (Words{"CMD [\"a\" \"b \\\"c\"]", "SHELL [/bin/bash -c]",
                                      "ENTRYPOINT [\"/bin/bash\" \"-c\" \"x $Y\"]"}));
}

TEST(Shell, SHELL_02_SHELL_03_shell_forms_follow_it_but_healthchecks) {
  const Plan plan = plan_of("FROM scratch\nSHELL [\"/s\"]\nRUN a\nCMD b\nHEALTHCHECK CMD h\n");
  EXPECT_EQ(steps_of<RunStep>(plan).at(0).argv, (Words{"/s", "a"}));
  EXPECT_EQ(plan.result().config.cmd, MaybeWords({"/s", "b"}));
  EXPECT_EQ(plan.result().config.healthcheck->test, (Words{"CMD-SHELL", "h"}));
}

TEST(Shell, SHELL_02_inherited_by_stages_and_from_images) {
  FakeResolver resolver;
  resolver.images["busybox"].config.shell = {"/base", "-c"};
  const auto argv = [&](const std::string& text) { return steps_of<RunStep>(plan_of(text, amd64_options(), resolver)).back().argv; };
  EXPECT_EQ(argv("FROM busybox\nRUN x\n"), (Words{"/base", "-c", "x"}));
  EXPECT_EQ(argv("FROM busybox AS a\nSHELL [\"/s\"]\nFROM a\nRUN x\n"), (Words{"/s", "x"}));
  EXPECT_EQ(argv("FROM busybox AS a\nSHELL [\"/s\"]\nFROM busybox\nRUN x\n"), (Words{"/base", "-c", "x"}));
  resolver.images["busybox"].config.shell = Words{};
  EXPECT_EQ(argv("FROM busybox\nRUN x\n"), (Words{"/bin/sh", "-c", "x"}));
}

TEST(Healthcheck, HEALTH_02_HEALTH_04_values_and_absence) {
  const auto plain = config_of("HEALTHCHECK CMD [\"a\"]\n").healthcheck;
  EXPECT_EQ(plain, (oci::Healthcheck{{"CMD", "a"}, 0, 0, 0, 0, 0}));
  const auto full =
      config_of(
          "HEALTHCHECK --interval=1m30s --timeout=2s --start-period=3s --start-interval=4ms "
          "--retries=5 CMD x\n")
          .healthcheck;
  EXPECT_EQ(full,
            (oci::Healthcheck{
                {"CMD-SHELL", "x"}, 90'000'000'000, 2'000'000'000, 3'000'000'000, 4'000'000, 5}));
}

TEST(Healthcheck, HEALTH_01_HEALTH_06_none_overrides_and_the_last_wins) {
  FakeResolver resolver;
  resolver.images["busybox"].config.healthcheck = oci::Healthcheck{{"CMD", "old"}, 1, 0, 0, 0, 0};
  const auto check = [&](const std::string& body) {
    return plan_of("FROM busybox\n" + body, amd64_options(), resolver)
        .result().config.healthcheck->test;
  };
  EXPECT_EQ(check(""), (Words{"CMD", "old"}));
  EXPECT_EQ(check("HEALTHCHECK NONE\n"), Words{"NONE"});
  EXPECT_EQ(check("HEALTHCHECK NONE\nHEALTHCHECK CMD [\"b\"]\n"), (Words{"CMD", "b"}));
}

TEST(Labels, LABEL_02_LABEL_03_the_command_line_wins_and_leaves_no_history) {
  PlanOptions options = amd64_options();
  options.labels = {{"a", "cli"}, {"c", ""}};
  FakeResolver resolver;
  resolver.images["busybox"].config.labels = {{"base", "1"}, {"a", "0"}};
  const Plan plan = plan_of("FROM busybox\nENV K=a\nLABEL $K=\"x y\" b=2\n", options, resolver);
  EXPECT_EQ(plan.result().config.labels, (std::map<std::string, std::string>{
                                           {"a", "cli"}, {"b", "2"}, {"base", "1"}, {"c", ""}}));
  EXPECT_EQ(new_history(plan), (Words{"ENV K=a", "LABEL a=x y b=2"}));
}

TEST(Maintainer, LABEL_05_sets_the_author) {
  EXPECT_EQ(config_of("MAINTAINER Me <$X>\n").author, "Me <$X>");
}

TEST(Volume, VOLUME_01_union_and_blank_entries) {
  FakeResolver resolver;
  resolver.images["busybox"].config.volumes = {"/base"};
  const Plan plan = plan_of("FROM busybox\nENV D=/d\nVOLUME /a $D\nVOLUME [\"/e f\"]\n",
                            amd64_options(), resolver);
  EXPECT_EQ(plan.result().config.volumes, (std::set<std::string>{"/a", "/base", "/d", "/e f"}));
  EXPECT_EQ(new_history(plan).at(1), "VOLUME [/a /d]");
  EXPECT_HAS(failure_of("FROM scratch\nVOLUME $unset\n").message,
             "VOLUME specified can not be an empty string");
}

TEST(Volume, VOLUME_03_history_and_no_layer) {
  const Plan plan = plan_of("FROM scratch\nVOLUME /a /b:/c\nVOLUME [\"/d e\"]\n");
  EXPECT_EQ(new_history(plan), (Words{"VOLUME [/a /b:/c]", "VOLUME [/d e]"}));
  EXPECT_EQ(plan.result().config.volumes, (std::set<std::string>{"/a", "/b:/c", "/d e"}));  // no host part
  EXPECT_FALSE(plan.result().history[0].step);
  EXPECT_EQ(plan.steps.size(), 1U);
}

TEST(Expose, EXPOSE_04_words_are_sorted_and_ranges_stay_in_order) {
  EXPECT_EQ(new_history(plan_of("FROM scratch\nEXPOSE 99-101 100/udp 8\n")),
            Words{"EXPOSE [100/udp 8/tcp 99/tcp 100/tcp 101/tcp]"});
  FakeResolver resolver;
  resolver.images["busybox"].config.exposed_ports = {"1/tcp"};
  EXPECT_EQ(plan_of("FROM busybox\nEXPOSE 2\n", amd64_options(), resolver).result().config.exposed_ports,
            (std::set<std::string>{"1/tcp", "2/tcp"}));  // EXPOSE-01
}

TEST(Expose, EXPOSE_04_EXP_21_sorted_ports_from_one_variable) {
  const Plan plan = plan_of("FROM scratch\nENV P=\"3000 4000/udp\"\nEXPOSE 9/SCTP $P 2000-2001\n");
  EXPECT_EQ(plan.result().config.exposed_ports,
            (std::set<std::string>{"2000/tcp", "2001/tcp", "3000/tcp", "4000/udp", "9/sctp"}));
  EXPECT_EQ(new_history(plan_of("FROM scratch\nEXPOSE 2375/tcp 1234/udp\n")),
            Words{"EXPOSE [1234/udp 2375/tcp]"});
  EXPECT_HAS(failure_of("FROM scratch\nEXPOSE x\n").message, "invalid containerPort");
}

TEST(StopSignal, STOP_01_STOP_02_checked_after_expansion) {
  EXPECT_EQ(config_of("ENV S=TERM\nSTOPSIGNAL SIG$S\n").stop_signal, "SIGTERM");
  EXPECT_HAS(failure_of("FROM scratch\nARG S=FOO\nSTOPSIGNAL $S\n").message, "invalid signal: FOO");
}

TEST(User, USER_01_stored_as_written_after_expansion) {
  EXPECT_EQ(config_of("ARG U=u\nUSER $U:1000\n").user, "u:1000");
}

TEST(StopSignal, STOP_02_inherited_and_metadata_only) {
  const Plan plan = plan_of("FROM scratch AS a\nSTOPSIGNAL rtmin+3\nFROM a\n");
  EXPECT_EQ(plan.result().config.stop_signal, "rtmin+3");
  EXPECT_EQ(new_history(plan), Words{"STOPSIGNAL rtmin+3"});
  EXPECT_EQ(plan.steps.size(), 1U);
}

TEST(User, USER_05_what_it_governs) {
  const Plan plan = plan_of("FROM scratch AS a\nUSER u:g\nRUN x\nWORKDIR /w\nCOPY f /\nADD f /\nFROM a\nRUN y\n");
  EXPECT_EQ(steps_of<RunStep>(plan).at(0).user, "u:g");
  EXPECT_EQ(steps_of<RunStep>(plan).at(1).user, "u:g");
  EXPECT_EQ(steps_of<MakeDirStep>(plan).at(0).user, "u:g");
  for (const CopyStep& copy : steps_of<CopyStep>(plan)) EXPECT_EQ(copy.chown, "");
  EXPECT_EQ(plan.result().config.user, "u:g");
  FakeResolver resolver;
  resolver.images["busybox"].config.user = "base";
  EXPECT_EQ(steps_of<RunStep>(plan_of("FROM busybox\nRUN x\n", amd64_options(), resolver)).at(0).user, "base");
}

TEST(Images, IMG_06_what_is_inherited) {
  FakeResolver resolver;
  oci::ImageConfig& base = resolver.images["busybox"].config;
  base.user = "u";
  base.entrypoint = {"e"};
  base.stop_signal = "KILL";
  base.shell = {"/s"};
  base.author = "me";
  base.exposed_ports = {"1/tcp"};
  const oci::ImageConfig config =
      plan_of("FROM busybox\n", amd64_options(), resolver).result().config;
  EXPECT_EQ(config.user, "u");
  EXPECT_EQ(config.entrypoint, MaybeWords({"e"}));
  EXPECT_EQ(config.cmd, MaybeWords({"sh"}));
  EXPECT_EQ(config.stop_signal, "KILL");
  EXPECT_EQ(config.shell, MaybeWords({"/s"}));
  EXPECT_EQ(config.author, "me");
  EXPECT_EQ(config.exposed_ports, (std::set<std::string>{"1/tcp"}));
}

// -- ONBUILD --------------------------------------------------------------------------------------

TEST(Onbuild, ONBUILD_01_stored_without_history) {
  const Plan plan = plan_of("FROM scratch\nONBUILD RUN a $b\nONBUILD COPY x /\n");
  EXPECT_EQ(plan.result().config.on_build, (Words{"RUN a $b", "COPY x /"}));
  EXPECT_TRUE(plan.result().history.empty());
  EXPECT_EQ(plan.steps.size(), 1U);
}

TEST(Onbuild, ONBUILD_03_ONBUILD_04_triggers_run_in_the_child_only) {
  const Plan plan = plan_of(
      "FROM scratch AS a\nONBUILD ENV V=1\nONBUILD RUN one $V\nFROM a AS b\nRUN two\nFROM b\nRUN "
      "three\n");
  const auto runs = steps_of<RunStep>(plan);
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs[0].argv.at(2), "one $V");
  EXPECT_EQ(runs[1].argv.at(2), "two");
  EXPECT_EQ(runs[2].argv.at(2), "three");
  EXPECT_TRUE(plan.result().config.on_build.empty());
  EXPECT_EQ(new_history(plan),
            (Words{"ENV V=1", "RUN /bin/sh -c one $V # buildkit", "RUN /bin/sh -c two # buildkit",
                   "RUN /bin/sh -c three # buildkit"}));
}

TEST(Onbuild, EXP_19_expanded_with_the_childs_variables) {
  FakeResolver resolver;
  resolver.images["busybox"].config.on_build = {"ENV G=$A-$N", "LABEL l=$G"};
  const Plan plan = plan_of("FROM busybox\n", amd64_options(), resolver);
  EXPECT_EQ(plan.result().config.labels.at("l"), "base-");
}

TEST(Onbuild, ONBUILD_05_copy_from_resolves_in_the_childs_file) {
  FakeResolver resolver;
  resolver.images["busybox"].config.on_build = {"COPY --from=tools /t /t"};
  const Plan plan =
      plan_of("FROM scratch AS tools\nRUN make\nFROM busybox\n", amd64_options(), resolver);
  const auto copy = steps_of<CopyStep>(plan).at(0);
  EXPECT_TRUE(std::holds_alternative<RunStep>(plan.steps.at(copy.sources.at(0).from).operation));
}

TEST(Onbuild, ONBUILD_01_ONBUILD_03_heredoc_bodies_survive) {
  const Plan plan = plan_of("FROM scratch AS a\nONBUILD COPY <<-EOF /f\n\t\t$v\n\tEOF\nFROM a AS b\n");
  EXPECT_EQ(steps_of<CopyStep>(plan).at(0).heredocs.at(0).second, "\n");
  PlanOptions options = amd64_options();
  options.targets = {"a"};
  EXPECT_EQ(plan_of("FROM scratch AS a\nONBUILD COPY <<EOF /f\n$v\nEOF\n", options).result().config.on_build,
            Words{"COPY <<EOF /f\n$v\nEOF"});
}

TEST(Onbuild, ONBUILD_05_a_trigger_may_bring_an_image) {
  FakeResolver resolver;
  resolver.images["base"] = made_up_base("base");
  resolver.images["base"].config.on_build = {"COPY --from=busybox /b /b"};
  const Plan plan = plan_of("FROM base\n", amd64_options(), resolver);
  EXPECT_EQ(resolver.asked, (Words{"base linux/amd64", "busybox linux/amd64"}));
  EXPECT_EQ(plan.result().history.back().created_by, "COPY /b /b # buildkit");
}

// What an image says of itself is not to be trusted.
TEST(Onbuild, ONBUILD_02_triggers_no_builder_would_write) {
  FakeResolver resolver;
  for (const char* trigger : {"FROM busybox", "RUN a\nRUN b", "", "RUN <<EOF\nx", "ONBUILD"}) {
    resolver.images["busybox"].config.on_build = {trigger};
    const auto failure = failure_of("FROM busybox\n", amd64_options(), resolver);
    EXPECT_EQ(failure.ranges, (Ranges{{1, 1}})) << trigger << ": " << failure.message;
  }
  resolver.images["busybox"].config.on_build = {"MAINTAINER me", "ONBUILD RUN x"};
  const oci::ImageConfig config = plan_of("FROM busybox\n", amd64_options(), resolver).result().config;
  EXPECT_EQ(config.author, "me");
  EXPECT_EQ(config.on_build, Words{"RUN x"});
}

// They may come from a file with another escape character than the child's.
TEST(Onbuild, ONBUILD_03_triggers_are_read_by_the_usual_escape_character) {
  FakeResolver resolver;
  resolver.images["busybox"].config.on_build = {"ENV a=x\\ y"};
  const Plan plan = plan_of("# escape=`\nFROM busybox\n", amd64_options(), resolver);
  EXPECT_EQ(plan.result().config.env.back(), "a=x\\ y");
}

TEST(Onbuild, ONBUILD_06_places_point_at_the_childs_from) {
  FakeResolver resolver;
  resolver.images["busybox"].config.on_build = {"RUN x"};
  const Plan plan = plan_of("# a\n\nFROM busybox\nRUN y\n", amd64_options(), resolver);
  EXPECT_EQ(plan.steps.at(1).display, "[2/3] ONBUILD RUN x");
  EXPECT_EQ(plan.steps.at(1).range, (parser::SourceRange{3, 3}));
  EXPECT_EQ(plan.steps.at(2).display, "[3/3] RUN y");

  for (const char* trigger : {"BOGUS x", "COPY --chmod=99 a b", "RUN --network=host x", "ARG =x"}) {
    resolver.images["busybox"].config.on_build = {trigger};
    const auto failure = failure_of("# a\n\nFROM busybox\n", amd64_options(), resolver);
    EXPECT_TRUE(failure.code) << trigger;
    EXPECT_EQ(failure.ranges, (Ranges{{3, 3}})) << trigger << ": " << failure.message;
  }
}

}  // namespace
}  // namespace cooper::builder
