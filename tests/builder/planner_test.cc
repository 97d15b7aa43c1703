#include "builder/planner.h"

#include <gtest/gtest.h>

#include "builder/scope.h"
#include "tests/builder/plan_fixture.h"

namespace cooper::builder {
namespace {

using Ranges = std::vector<parser::SourceRange>;

TEST(From, FROM_03_the_reference_goes_to_the_resolver_as_written) {
  const std::string digest = "@" + oci::sha256("x").str();
  for (const std::string& reference : {std::string("busybox"), std::string("busybox:1.36"),
                                      "busybox" + digest, "busybox:1" + digest}) {
    FakeResolver resolver;
    resolver.images[reference] = made_up_base("busybox");
    const Plan plan = plan_of("FROM " + reference + "\n", amd64_options(), resolver);
    EXPECT_EQ(resolver.asked, Words{reference + " linux/amd64"});
    EXPECT_EQ(steps_of<SourceStep>(plan).at(0).resolved, made_up_base("busybox").resolved);
  }
}

TEST(From, FROM_04_upper_case_name_misses_the_stage) {
  const auto failure = failure_of("FROM scratch AS Base\nFROM Base\n");
  EXPECT_HAS(failure.message, "failed to parse stage name \"Base\"");
  EXPECT_HAS(failure.message, "invalid reference format");
  EXPECT_EQ(failure.ranges, (Ranges{{2, 2}}));
}

TEST(From, FROM_05_copy_from_by_number_and_name) {
  const Plan plan =
      plan_of("FROM scratch AS a\nRUN x\nFROM scratch\nCOPY --from=0 /f /\nCOPY --from=A /g /\n");
  const auto copies = steps_of<CopyStep>(plan);
  ASSERT_EQ(copies.size(), 2U);
  EXPECT_EQ(copies[0].sources.at(0).from, copies[1].sources.at(0).from);
  EXPECT_TRUE(std::holds_alternative<RunStep>(plan.steps[copies[0].sources.at(0).from].operation));
}

TEST(From, FROM_07_copy_from_an_image_or_a_named_context) {
  FakeResolver resolver;
  PlanOptions options = amd64_options();
  options.named_contexts = directories({"assets"});
  const Plan plan = plan_of("FROM scratch\nCOPY --from=busybox /f /\nCOPY --from=assets g /\n",
                            options, resolver);
  EXPECT_EQ(resolver.asked, Words{"busybox linux/amd64"});
  const auto copies = steps_of<CopyStep>(plan);
  const auto& context = std::get<SourceStep>(plan.steps[copies.at(1).sources.at(0).from].operation);
  EXPECT_EQ(context.kind, SourceStep::Kind::local_context);
  EXPECT_EQ(context.name, "assets");
}

TEST(From, FROM_09_only_reachable_stages_are_planned) {
  FakeResolver resolver;
  const Plan plan = plan_of(
      "FROM missing AS unused\nRUN never\nFROM busybox AS used\nRUN one\nFROM scratch\nCOPY "
      "--from=used /x /\n",
      amd64_options(), resolver);
  EXPECT_EQ(resolver.asked, Words{"busybox linux/amd64"});
  ASSERT_EQ(steps_of<RunStep>(plan).size(), 1U);
}

TEST(From, FROM_09_an_unparsable_base_fails_anywhere) {
  const auto failure = failure_of("FROM a/B:c\nFROM scratch\n");
  EXPECT_HAS(failure.message, "failed to parse stage name");
  EXPECT_EQ(failure.ranges, (Ranges{{1, 1}}));
}

TEST(From, FROM_10_target_stops_before_later_stages) {
  PlanOptions options = amd64_options();
  options.targets = {"FIRST"};
  const Plan plan = plan_of("FROM scratch AS first\nRUN a\nFROM missing\n", options);
  EXPECT_EQ(plan.targets.at(0).name, "first");
  EXPECT_EQ(steps_of<RunStep>(plan).size(), 1U);
  options.targets = {"fist"};
  EXPECT_HAS(failure_of("FROM scratch AS first\n", options).message, "(did you mean first?)");
}

TEST(From, FROM_11_a_stage_that_copies_from_itself) {
  const auto failure = failure_of("FROM scratch AS x\nCOPY --from=x a b\n");
  EXPECT_HAS(failure.message, "circular dependency detected on stage: x");
  EXPECT_EQ(failure.ranges, (Ranges{{2, 2}}));
}

TEST(From, FROM_12_scratch_is_no_image) {
  FakeResolver resolver;
  PlanOptions options = amd64_options();
  options.target_platform = {"linux", "arm64", "", ""};
  const Plan plan = plan_of("FROM --platform=linux/s390x scratch\n", options, resolver);
  EXPECT_TRUE(resolver.asked.empty());
  EXPECT_EQ(plan.result().config.env, Words{kDefaultPath});
  EXPECT_EQ(plan.result().config.working_dir, "/");
  EXPECT_EQ(plan.result().config.platform.str(), "linux/arm64");
  EXPECT_TRUE(plan.result().history.empty());
}

TEST(From, FROM_13_a_stage_hands_everything_down_but_onbuild) {
  const Plan plan = plan_of(
      "FROM busybox AS one\nARG N=7\nENV E=2\nSHELL [\"/bin/x\"]\nUSER u\nWORKDIR /w\nLABEL k=v\n"
      "FROM one\nRUN $N\n");
  const RunStep run = steps_of<RunStep>(plan).at(0);
  EXPECT_EQ(run.environment.words(), (Words{"PATH=/bin", "A=base", "N=7", "E=2"}));
  EXPECT_EQ(run.argv, (Words{"/bin/x", "$N"}));
  EXPECT_EQ(run.user, "u");
  EXPECT_EQ(run.working_dir, "/w");
  EXPECT_EQ(plan.result().config.labels.at("k"), "v");
}

TEST(From, FROM_14_stage_variables_are_invisible_in_from) {
  EXPECT_HAS(failure_of("FROM scratch\nARG V=busybox\nENV V=busybox\nFROM $V\n").message,
             "base name ($V) should not be blank");
  FakeResolver resolver;
  plan_of("ARG N=busy\nARG V=${N}box\nFROM $V\n", amd64_options(), resolver);
  EXPECT_EQ(resolver.asked, Words{"busybox linux/amd64"});
}

TEST(From, FROM_16_platform_expressions) {
  EXPECT_HAS(failure_of("FROM --platform=$NONE busybox\n").message,
             "empty platform value from expression $NONE");
  EXPECT_HAS(failure_of("FROM --platform=a/b/c/d/e busybox\n").message, "failed to parse platform");
  EXPECT_HAS(failure_of("ARG TARGT\nFROM --platform=$TARGETPLATFROM busybox\n").message,
             "empty platform value from expression $TARGETPLATFROM (did you mean TARGETPLATFORM?)");
  EXPECT_HAS(failure_of("ARG ARCH=amd64\nFROM --platform=linux/${ARHC} busybox\n").message, "(did you mean ARCH?)");
  // Wherever it stands, and whatever it stands at.
  EXPECT_HAS(failure_of("FROM --platform=$NONE scratch\nFROM scratch\n").message, "empty platform value");
}

TEST(From, FROM_17_build_platform_reaches_the_resolver) {
  FakeResolver resolver;
  PlanOptions options = amd64_options();
  options.target_platform = {"linux", "arm64", "", ""};
  plan_of("FROM --platform=$BUILDPLATFORM busybox AS tools\nFROM busybox\nCOPY --from=tools /x /\n",
          options, resolver);
  EXPECT_EQ(resolver.asked, (Words{"busybox linux/amd64", "busybox linux/arm64"}));
}

TEST(From, FROM_18_a_failed_pull_names_the_reference_and_the_line) {
  const auto failure = failure_of("FROM scratch AS a\nFROM missing:1\n");
  EXPECT_HAS(failure.message, "missing:1");
  EXPECT_EQ(failure.ranges, (Ranges{{2, 2}}));
  EXPECT_EQ(failure.code, Errc::not_found);
  EXPECT_HAS(failure_of("FROM scratch AS builder\nFROM bulider\n").message, "(did you mean builder?)");
  EXPECT_HAS(failure_of("FROM debain\n").message, "(did you mean debian?)");
  EXPECT_EQ(failure.message.find("did you mean"), std::string::npos);
}

TEST(From, FROM_19_created_is_dropped_and_history_kept) {
  const Plan plan = plan_of("FROM busybox\nENV X=1\n");
  EXPECT_EQ(plan.result().config.created, "");
  EXPECT_EQ(plan.result().config.history, made_up_base("busybox").config.history);
  EXPECT_EQ(new_history(plan), Words{"ENV X=1"});
}

TEST(From, FROM_20_a_base_without_layers_gives_its_config) {
  FakeResolver resolver;
  resolver.images["bare"] = made_up_base("bare");
  resolver.images["bare"].layers.clear();
  resolver.images["bare"].config.diff_ids.clear();
  const Plan plan = plan_of("FROM bare\n", amd64_options(), resolver);
  EXPECT_EQ(plan.result().config.env, (Words{"PATH=/bin", "A=base"}));
  EXPECT_TRUE(steps_of<SourceStep>(plan).at(0).layers.empty());
}

TEST(From, CHECK_14_FROM_21_a_base_of_another_platform_warns) {
  PlanOptions options = amd64_options();
  options.target_platform = {"linux", "arm64", "", ""};
  EXPECT_EQ(findings_of("FROM busybox\n", options),
            (Words{"InvalidBaseImagePlatform: The base image busybox has the platform \"linux/amd64\", this build "
                   "expects \"linux/arm64\" (line 1)"}));
  EXPECT_EQ(findings_of("FROM busybox\n"), Words{});
}

TEST(From, CTX_09_a_named_context_overrides_a_stage_for_copies) {
  PlanOptions options = amd64_options();
  options.named_contexts = directories({"a"});
  const Plan plan =
      plan_of("FROM scratch AS a\nRUN never\nFROM scratch\nCOPY --from=a x /\n", options);
  EXPECT_TRUE(steps_of<RunStep>(plan).empty());
}

TEST(Syntax, DIR_07_names_of_the_usual_frontend_mean_us) {
  for (const char* syntax :
       {"docker/dockerfile:1", "docker/dockerfile:1.7-labs", "docker.io/docker/dockerfile",
        "docker/dockerfile-upstream:master", "dockerfile.v0"}) {
    EXPECT_NO_THROW(plan_of(std::string("# syntax=") + syntax + "\nFROM scratch\n")) << syntax;
    EXPECT_NO_THROW(
        plan_of("# syntax=me/frontend\nFROM scratch\n", with_args({{"BUILDKIT_SYNTAX", syntax}})));
  }
  const auto failure = failure_of("# syntax=me/frontend:2\nFROM scratch\n");
  EXPECT_HAS(failure.message, "me/frontend:2");
  EXPECT_EQ(failure.code, Errc::unsupported);
  EXPECT_EQ(failure.ranges, (Ranges{{1, 1}}));
}

// -- copies ---------------------------------------------------------------------------------------

TEST(CopyPlan, COPY_03_destinations) {
  struct Row {
    const char* written;
    const char* planned;
  };
  const Row table[] = {{"/d", "/d"},      {"/d/", "/d/"}, {"d", "/w/d"}, {"d/", "/w/d/"},
                       {".", "/w/"},      {"./", "/w/"},  {"/", "/"},    {"..", "/"},
                       {"/a/../b", "/b"}, {"/d/.", "/d/"}};
  for (const Row& row : table) {
    const Plan plan =
        plan_of(std::string("FROM scratch\nWORKDIR /w\nCOPY f ") + row.written + "\n");
    EXPECT_EQ(steps_of<CopyStep>(plan).at(0).destination, row.planned) << row.written;
  }
}

TEST(CopyPlan, COPY_28_link_with_chmod_is_a_plain_copy) {
  const Plan plan = plan_of("FROM scratch\nCOPY --link a /\nCOPY --link --chmod=644 a /\n");
  const auto copies = steps_of<CopyStep>(plan);
  EXPECT_TRUE(copies.at(0).link);
  EXPECT_FALSE(copies.at(1).link);
}

TEST(CopyPlan, COPY_22_COPY_36_refusals) {
  struct Row {
    const char* line;
    const char* message;
    Errc code;
  };
  const Row table[] = {
      {"COPY git@github.com:a/b /", "source can't be a git ref for COPY", Errc::invalid},
      {"COPY https://x.org/a.git#main /", "source can't be a git ref for COPY", Errc::invalid},
      {"COPY http://x.org/f /", "source can't be a URL for COPY", Errc::invalid},
      {"COPY https://x.org/f.tar /", "source can't be a URL for COPY", Errc::invalid},
      {"COPY --chmod=99 a /", "invalid chmod parameter: '99'", Errc::invalid},
      {"ADD --checksum=sha256:0 a /", "checksum requires HTTP(S) or Git sources", Errc::invalid},
  };
  for (const Row& row : table) {
    const auto failure = failure_of(std::string("FROM scratch\n") + row.line + "\n");
    EXPECT_HAS(failure.message, row.message);
    EXPECT_EQ(failure.code, row.code) << row.line;
    EXPECT_EQ(failure.ranges, (Ranges{{2, 2}})) << row.line;
  }
}

TEST(CopyPlan, COPY_37_history_after_expansion) {
  const Plan plan = plan_of(
      "FROM scratch AS o\nFROM scratch\nARG D=/dst U=1\n"
      "COPY --from=o --link --chown=$U --exclude=*.o a b $D/\n"
      "ADD --chmod=u+x a $D\nCOPY --parents a/b /\nCOPY x <<ONE <<TWO /d/\n1\nONE\n2\nTWO\n");
  const Words all = new_history(plan);
  EXPECT_EQ(Words(all.begin() + 1, all.end()),
            (Words{"COPY --chown=1 a b /dst/ # buildkit", "ADD --chmod=u+x a /dst # buildkit",
                   "COPY --parents a/b / # buildkit", "COPY x <<ONE <<TWO /d/ # buildkit"}));
}

TEST(CopyPlan, HEREDOC_13_bodies_expand_unless_quoted) {
  const Plan plan =
      plan_of("FROM scratch\nENV V=1\nCOPY <<A <<'B' /d/\n$V '$V' \\$V $unset.\nA\n$V\nB\n");
  const auto copy = steps_of<CopyStep>(plan).at(0);
  EXPECT_TRUE(copy.sources.empty());
  ASSERT_EQ(copy.heredocs.size(), 2U);
  EXPECT_EQ(copy.heredocs[0], (std::pair<std::string, std::string>("A", "1 '1' $V .\n")));
  EXPECT_EQ(copy.heredocs[1], (std::pair<std::string, std::string>("B", "$V\n")));
}

// -- RUN ------------------------------------------------------------------------------------------

TEST(RunPlan, SEC_05_entitlements) {
  const auto network = failure_of("FROM scratch\nRUN --network=host x\n");
  EXPECT_HAS(network.message, "network.host is not allowed");
  EXPECT_EQ(network.code, Errc::denied);
  const auto security = failure_of("FROM scratch\n\nRUN --security=insecure x\n");
  EXPECT_HAS(security.message, "security.insecure is not allowed");
  EXPECT_EQ(security.ranges, (Ranges{{3, 3}}));
  PlanOptions options = amd64_options();
  options.allowed = {"network.host", "security.insecure"};
  const Plan plan = plan_of("FROM scratch\nRUN --network=host --security=insecure x\n", options);
  EXPECT_TRUE(steps_of<RunStep>(plan).at(0).insecure);
}

TEST(RunPlan, RUN_17_a_build_wide_network_replaces_default_only) {
  PlanOptions options = amd64_options();
  options.allowed = {"network.host"};
  options.network = Network::none;
  const auto runs = steps_of<RunStep>(
      plan_of("FROM scratch\nRUN a\nRUN --network=host b\nRUN --network=none c\n", options));
  EXPECT_EQ(runs.at(0).network, Network::none);
  EXPECT_EQ(runs.at(1).network, Network::host);
  EXPECT_EQ(runs.at(2).network, Network::none);
}

TEST(RunPlan, RUN_01_RUN_22_shell_and_json_form) {
  const Plan plan = plan_of("FROM scratch\nRUN echo $X\nRUN [\"echo\", \"$X\"]\n");
  const auto runs = steps_of<RunStep>(plan);
  EXPECT_EQ(runs.at(0).argv, (Words{"/bin/sh", "-c", "echo $X"}));
  EXPECT_EQ(runs.at(1).argv, (Words{"echo", "$X"}));
  EXPECT_EQ(new_history(plan),
            (Words{"RUN /bin/sh -c echo $X # buildkit", "RUN echo $X # buildkit"}));
}

TEST(RunPlan, RUN_03_path_is_added_when_the_base_has_none) {
  FakeResolver resolver;
  resolver.images["busybox"].config.env = {"A=base"};
  const Plan plan = plan_of("FROM busybox\nRUN x\n", amd64_options(), resolver);
  EXPECT_EQ(steps_of<RunStep>(plan).at(0).environment.words(), (Words{"A=base", kDefaultPath}));
  EXPECT_EQ(plan.result().config.env, (Words{"A=base", kDefaultPath}));  // IMG-07
}

TEST(RunPlan, HEREDOC_08_HEREDOC_09_bodies_and_scripts) {
  const auto runs = steps_of<RunStep>(
      plan_of("FROM scratch\nRUN <<EOF\na $b\nEOF\nRUN <<run.py\n#!/usr/bin/python\nx\nrun.py\n"));
  EXPECT_EQ(runs.at(0).argv, (Words{"/bin/sh", "-c", "a $b\n"}));
  EXPECT_FALSE(runs.at(0).script);
  EXPECT_EQ(runs.at(1).argv, (Words{"/dev/pipes/run.py"}));
  EXPECT_EQ(runs.at(1).script->second, "#!/usr/bin/python\nx\n");
}

TEST(RunPlan, RUN_19_devices_are_refused_by_name) {
  EXPECT_HAS(failure_of("FROM scratch\nRUN --device=a/b=c x\n").message, "device feature");
}

// -- display --------------------------------------------------------------------------------------

TEST(Display, ERR_04_numbers_and_stage_names) {
  EXPECT_EQ(displays(plan_of("FROM scratch\nENV V=x\nCOPY $V /\nRUN echo $V\n")),
            (Words{"FROM scratch", "load build context", "[1/2] COPY x /", "[2/2] RUN echo x"}));
  EXPECT_EQ(displays(plan_of("FROM scratch AS a\nRUN one\nFROM a\nWORKDIR /w\n")),
            (Words{"FROM scratch", "[a 1/1] RUN one", "[stage-1 1/1] WORKDIR /w"}));
  EXPECT_EQ(displays(plan_of("FROM busybox\nRUN one\nFROM busybox AS b\nCOPY --from=0 x y\n")),
            (Words{"[stage-0 1/2] FROM " + made_up_base("busybox").resolved, "[stage-0 2/2] RUN one",
                   "[b 2/2] COPY --from=0 x y"}));
}

TEST(Display, ERR_04_values_are_expanded_where_they_are_known) {
  const auto shown = [](const std::string& run) {
    return displays(plan_of("FROM scratch\nENV V=x W='a b'\n" + run + "\n")).back();
  };
  EXPECT_EQ(shown("run --network=none  echo $V ${W}$V"), "[1/1] RUN --network=none  echo x a bx");
  EXPECT_EQ(shown("RUN echo '$V' \"$V\" \\$V $none ${V:-y} $1"), "[1/1] RUN echo '$V' \"x\" \\$V $none ${V:-y} $1");
  EXPECT_EQ(shown("RUN echo \\\\$V"), "[1/1] RUN echo \\\\x");
  EXPECT_EQ(shown("RUN <<EOF\n$V\\\nsecond\nEOF"), "[1/1] RUN <<EOF (x\\...)");
  EXPECT_EQ(shown("RUN [\"echo\", \"$V\"]"), "[1/1] RUN [\"echo\", \"x\"]");
  EXPECT_EQ(shown("RUN <<EOF\nfirst $V\nsecond\nEOF"), "[1/1] RUN <<EOF (first x...)");
  EXPECT_EQ(shown("RUN <<EOF\nonly\nEOF"), "[1/1] RUN <<EOF (only)");
}

TEST(Display, CACHE_15_ignored_stages_in_any_case) {
  PlanOptions options = amd64_options();
  options.no_cache_stages = {"ONE"};
  const Plan plan = plan_of("FROM scratch AS one\nRUN a\nFROM one AS two\nRUN b\n", options);
  EXPECT_FALSE(plan.steps.at(0).ignore_cache);
  EXPECT_TRUE(plan.steps.at(1).ignore_cache);
  EXPECT_FALSE(plan.steps.at(2).ignore_cache);
}

}  // namespace
}  // namespace cooper::builder
