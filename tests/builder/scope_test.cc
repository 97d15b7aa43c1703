#include "builder/scope.h"

#include <gtest/gtest.h>

#include "tests/builder/plan_fixture.h"

namespace cooper::builder {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// What a RUN at the end of `body` sees, without the base's own variables.
Words environment_of(const std::string& text, const std::map<std::string, std::string>& args = {}) {
  Words seen;
  const auto runs = steps_of<RunStep>(plan_of(text, with_args(args)));
  for (const std::string& word : runs.back().environment.words()) {
    if (!word.starts_with("PATH=")) seen.push_back(word);
  }
  return seen;
}

struct Row {
  const char* name;
  std::string text;
  std::map<std::string, std::string> args;
  Words environment;  // of the last RUN
};

TEST(Scope, ARG_rows_in_the_environment_of_run) {
  const std::string scratch = "FROM scratch\n";
  const Row table[] = {
      {"ARG_01 several", scratch + "ARG a b=1 c=\"x y\"\nRUN x\n", {}, {"b=1", "c=x y"}},
      {"ARG_02 global unseen", "ARG G=1\n" + scratch + "RUN x\n", {}, {}},
      {"ARG_02 redeclared", "ARG G=1\n" + scratch + "ARG G\nRUN x\n", {}, {"G=1"}},
      {"ARG_03 build-arg first", "ARG G=1\n" + scratch + "ARG G\nRUN x\n", {{"G", "2"}}, {"G=2"}},
      {"ARG_03 platform", scratch + "ARG TARGETARCH\nRUN x\n", {}, {"TARGETARCH=amd64"}},
      {"ARG_03 unset", scratch + "ARG X\nRUN x\n", {}, {}},
      {"ARG_04 default over global", "ARG X=g\n" + scratch + "ARG X=d\nRUN x\n", {}, {"X=d"}},
      {"ARG_04 build-arg over default", scratch + "ARG X=d\nRUN x\n", {{"X", "b"}}, {"X=b"}},
      {"ARG_06 handed down", "FROM scratch AS a\nARG X=1\nFROM a\nRUN x\n", {}, {"X=1"}},
      {"ARG_06 not to others", "FROM scratch AS a\nARG X=1\n" + scratch + "RUN x\n", {}, {}},
      {"ARG_07 empty",
       scratch + "ARG X=\nARG Y=${X-d}\nARG Z=${U-d}\nRUN x\n",
       {},
       {"X=", "Y=", "Z=d"}},
      {"ARG_08 same line", scratch + "ARG a=1 b=$a\nARG a=${a}x\nRUN x\n", {}, {"a=1x", "b=1"}},
      {"ARG_09 broken default", scratch + "ARG X=${Y:?no}\nRUN x\n", {{"X", "1"}}, {"X=1"}},
      {"ARG_10 env hides", scratch + "ARG X=arg\nENV X=env\nRUN x\n", {{"X", "b"}}, {"X=env"}},
      {"ARG_10 arg after env", scratch + "ENV X=env\nARG X=arg\nRUN x\n", {}, {"X=arg"}},
      {"ARG_10 bare arg after env", scratch + "ENV X=env\nARG X\nRUN x\n", {}, {"X=env"}},
      {"ARG_13 undeclared", scratch + "RUN x\n", {{"NOBODY", "1"}}, {}},
      {"ARG_16 epoch",
       scratch + "ARG SOURCE_DATE_EPOCH\nRUN x\n",
       {{"SOURCE_DATE_EPOCH", "12"}},
       {"SOURCE_DATE_EPOCH=12"}},
      {"PLAT_02 default hides", scratch + "ARG TARGETARCH=mine\nRUN x\n", {}, {"TARGETARCH=mine"}},
      {"PLAT_02 build-arg",
       scratch + "ARG TARGETARCH\nRUN x\n",
       {{"TARGETARCH", "b"}},
       {"TARGETARCH=b"}},
      {"PLAT_04 empty variant", scratch + "ARG TARGETVARIANT\nRUN x\n", {}, {"TARGETVARIANT="}},
      {"PLAT_01 stage", "FROM scratch AS here\nARG TARGETSTAGE\nRUN x\n", {}, {"TARGETSTAGE=here"}},
      {"PLAT_01 default stage", scratch + "ARG TARGETSTAGE\nRUN x\n", {}, {"TARGETSTAGE=default"}},
      {"EXP_20 old value",
       scratch + "ENV abc=hello\nENV abc=bye def=$abc\nRUN x\n",
       {},
       {"abc=bye", "def=hello"}},
      {"EXP_13 quotes",
       scratch + "ENV a='$x' b=\"q\\\"$y\" c=x\\ y\nRUN x\n",
       {},
       {"a=$x", "b=q\"", "c=x y"}},
      {"ENV_01 pairs",
       scratch + "ENV a=1 b=\"x y\" c=x\\ y\nRUN x\n",
       {},
       {"a=1", "b=x y", "c=x y"}},
      {"ENV_02 legacy", scratch + "ENV k a  b=c\nRUN x\n", {}, {"k=a  b=c"}},
      {"ENV_04 in place", scratch + "ENV a=1 b=2\nENV a=3 c=\nRUN x\n", {}, {"a=3", "b=2", "c="}},
  };
  for (const Row& row : table)
    EXPECT_EQ(environment_of(row.text, row.args), row.environment) << row.name;
}

TEST(Scope, ARG_05_not_before_its_line) {
  const Plan plan =
      plan_of("FROM scratch\nLABEL a=<$X>\nARG X=1\nLABEL b=<$X>\n", with_args({{"X", "2"}}));
  EXPECT_EQ(plan.result().config.labels.at("a"), "<>");
  EXPECT_EQ(plan.result().config.labels.at("b"), "<2>");
}

TEST(Scope, ARG_01_ENV_03_errors) {
  EXPECT_HAS(failure_of("FROM scratch\nARG =x\n").message, "names can not be blank");
  EXPECT_HAS(failure_of("ARG =x\nFROM scratch\n").message, "names can not be blank");
}

TEST(Scope, ARG_10_ARG_11_the_images_env_has_no_args) {
  const Plan plan = plan_of("FROM busybox\nENV X=env\nARG X=arg\nARG Y=1\nENV Z=$X\n");
  EXPECT_EQ(plan.result().config.env, (Words{"PATH=/bin", "A=base", "X=env", "Z=arg"}));
}

TEST(Scope, ARG_09_without_a_build_arg_the_default_must_expand) {
  const auto failure = failure_of("FROM scratch\nARG X=${Y:?no}\n");
  EXPECT_HAS(failure.message, "Y: no");
  EXPECT_EQ(failure.ranges, (std::vector<parser::SourceRange>{{2, 2}}));
}

TEST(Scope, ARG_12_proxies_need_no_declaration_and_stay_hidden) {
  const Plan plan = plan_of("FROM scratch\nLABEL l=<$HTTP_PROXY$http_proxy>\nRUN x\n",
                            with_args({{"HTTP_PROXY", "p"}, {"no_proxy", "n"}, {"OTHER", "o"}}));
  const RunStep run = steps_of<RunStep>(plan).at(0);
  EXPECT_EQ(
      run.proxies,
      (Pairs{{"HTTP_PROXY", "p"}, {"http_proxy", "p"}, {"NO_PROXY", "n"}, {"no_proxy", "n"}}));
  EXPECT_EQ(run.environment.words(), Words{kDefaultPath});
  EXPECT_EQ(plan.result().config.labels.at("l"), "<>");
  EXPECT_EQ(new_history(plan).at(1), "RUN /bin/sh -c x # buildkit");
}

TEST(Scope, ARG_12_of_several_spellings_the_lower_case_one_counts) {
  EXPECT_EQ(proxy_variables({{"ALL_PROXY", "a"}, {"all_proxy", "b"}}),
            (Pairs{{"ALL_PROXY", "b"}, {"all_proxy", "b"}}));
  EXPECT_EQ(proxy_variables({{"Ftp_Proxy", "f"}}), (Pairs{{"FTP_PROXY", "f"}, {"ftp_proxy", "f"}}));
  EXPECT_TRUE(proxy_variables({{"MY_PROXY", "a"}}).empty());
}

TEST(Scope, ARG_15_history_lists_args_with_the_value_in_force) {
  const Plan plan = plan_of(
      "FROM scratch AS a\nARG one=1\nFROM a\nARG two\nARG three=3 one\nENV three=env\nRUN x\nRUN "
      "[\"y\"]\n");
  const Words history = new_history(plan);
  EXPECT_EQ(history[0], "ARG one=1");
  EXPECT_EQ(history[1], "ARG two");
  EXPECT_EQ(history[4], "RUN |3 one=1 two= three=env /bin/sh -c x # buildkit");
  EXPECT_EQ(history[5], "RUN |3 one=1 two= three=env y # buildkit");
}

TEST(Scope, ARG_17_arguments_that_speak_to_the_builder_are_in_no_environment) {
  const Plan plan = plan_of("FROM scratch\nARG BUILDKIT_SBOM_SCAN_STAGE=true\nLABEL l=<$BUILDKIT_SBOM_SCAN_STAGE>\nRUN x\n");
  EXPECT_EQ(steps_of<RunStep>(plan).at(0).environment.words(), Words{kDefaultPath});
  EXPECT_EQ(plan.result().config.labels.at("l"), "<>");
  EXPECT_EQ(new_history(plan).back(), "RUN |1 BUILDKIT_SBOM_SCAN_STAGE=true /bin/sh -c x # buildkit");
}

TEST(Scope, ARG_17_hostname_without_declaration) {
  const auto runs = steps_of<RunStep>(
      plan_of("FROM scratch\nRUN x\n", with_args({{"BUILDKIT_SANDBOX_HOSTNAME", "h"}})));
  EXPECT_EQ(runs.at(0).hostname, "h");
  EXPECT_EQ(steps_of<RunStep>(plan_of("FROM scratch\nRUN x\n")).at(0).hostname, "buildkitsandbox");
}

TEST(Scope, ENV_05_persists_in_child_stages) {
  EXPECT_EQ(environment_of("FROM scratch AS a\nENV E=1\nFROM a\nRUN x\n"), Words{"E=1"});
  const Plan plan = plan_of("FROM scratch\nENV E=1\n");
  EXPECT_EQ(plan.steps.size(), 1U);
  EXPECT_FALSE(plan.result().history.at(0).step);
}

TEST(Scope, EXP_18_never_expanded) {
  const Plan plan = plan_of(
      "FROM scratch\nENV V=1\nRUN $V\nCMD $V\nENTRYPOINT [\"$V\"]\nSHELL [\"$V\"]\nHEALTHCHECK CMD "
      "$V\n"
      "COPY --exclude=$V a /\n");
  EXPECT_EQ(steps_of<RunStep>(plan).at(0).argv.at(2), "$V");
  EXPECT_EQ(plan.result().config.entrypoint->at(0), "$V");
  EXPECT_EQ(plan.result().config.shell->at(0), "$V");
  EXPECT_EQ(plan.result().config.healthcheck->test.at(1), "$V");
  EXPECT_EQ(steps_of<CopyStep>(plan).at(0).excludes, Words{"$V"});
}

TEST(Scope, DIR_05_the_backtick_escapes_in_words) {
  const Plan plan = plan_of("# escape=`\nFROM scratch\nENV a=`$x b=c\\d\n");
  EXPECT_EQ(plan.result().config.env, (Words{kDefaultPath, "a=$x", "b=c\\d"}));
}

TEST(EnvironmentList, ENV_04_replaces_in_place) {
  EnvironmentList list({"a=1", "b=x=y", "bare"});
  list.set("a", "2");
  list.set("c", "");
  EXPECT_EQ(list.words(), (Words{"a=2", "b=x=y", "bare=", "c="}));
  EXPECT_EQ(list.get("b"), "x=y");
  EXPECT_EQ(list.get("B"), std::nullopt);
}

TEST(EnvironmentList, finds_each_of_thousands) {
  constexpr int kNames = 3000;
  const auto name = [](int i) { return "N" + std::to_string(i); };
  EnvironmentList list;
  for (int i = 0; i < kNames; ++i) {
    list.set(name(i), "old");
    ASSERT_EQ(list.get(name(i + 1)), std::nullopt);
  }
  for (int i = 0; i < kNames; ++i) list.set(name(i), std::to_string(i));
  ASSERT_EQ(list.size(), static_cast<std::size_t>(kNames));
  for (int i = 0; i < kNames; ++i) {
    ASSERT_EQ(list.names()[static_cast<std::size_t>(i)], name(i));
    ASSERT_EQ(list.get(name(i)), std::to_string(i));
  }
}

TEST(StepEnvironment, copies_share_what_they_had_and_go_on_alone) {
  StepEnvironment stage({"a=1", "b=2"});
  StepEnvironment step = stage;
  step.append("own=1");
  StepEnvironment child = stage;
  stage.set("a", "x");
  child.set("c", "3");
  stage.set("d", "4");
  EXPECT_EQ(step.words(), (Words{"a=1", "b=2", "own=1"}));
  EXPECT_EQ(child.words(), (Words{"a=1", "b=2", "c=3"}));
  EXPECT_EQ(stage.words(), (Words{"a=x", "b=2", "d=4"}));
  EXPECT_EQ(StepEnvironment({"a=x", "b=2", "d=4"}), stage);
  EXPECT_NE(child, stage);
}

TEST(StepEnvironment, ENV_04_replaces_in_place_however_often) {
  StepEnvironment environment;
  std::vector<StepEnvironment> earlier;
  for (int i = 0; i < 1000; ++i) {
    environment.set("a", std::to_string(i));
    environment.set("b", std::to_string(i));
    earlier.push_back(environment);
  }
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(earlier.at(static_cast<std::size_t>(i)).words(), (Words{cat("a=", i), cat("b=", i)}));
  }
}

}  // namespace
}  // namespace cooper::builder
