// Several targets in one plan, stages that nobody needs, and names that are nearly right.
#include "builder/outline.h"
#include "tests/builder/plan_fixture.h"

namespace cooper::builder {
namespace {

PlanOptions with_targets(std::vector<std::string> targets) {
  PlanOptions options = amd64_options();
  options.targets = std::move(targets);
  return options;
}

constexpr const char* kThree = "FROM busybox AS shared\nRUN s\nFROM shared AS a\nRUN a\nFROM shared AS b\nRUN b\n";

TEST(Targets, share_their_stages) {
  const Plan plan = plan_of(kThree, with_targets({"B", "a", "b"}));
  ASSERT_EQ(plan.targets.size(), 2U);
  EXPECT_EQ(plan.targets[0].name, "b");
  EXPECT_EQ(plan.targets[1].name, "a");
  EXPECT_EQ(steps_of<RunStep>(plan).size(), 3U);
  EXPECT_EQ(inputs_of(plan.steps[plan.targets[0].result.rootfs]), inputs_of(plan.steps[plan.targets[1].result.rootfs]));
}

TEST(Targets, have_all_that_the_stages_before_them_said) {
  const std::string text =
      "FROM busybox AS s\nENV E=1\nLABEL l=1\nARG V=1\nFROM s AS a\nENV A=$V\nFROM s AS b\nENV B=$V\n"
      "FROM busybox\nCOPY --from=s x /\n";
  const Plan plan = plan_of(text, with_targets({"b", "s", "a"}));
  EXPECT_EQ(plan.targets[0].result.config.env, (Words{"PATH=/bin", "A=base", "E=1", "B=1"}));
  EXPECT_EQ(plan.targets[1].result.config.env, (Words{"PATH=/bin", "A=base", "E=1"}));
  EXPECT_EQ(plan.targets[2].result.config.env, (Words{"PATH=/bin", "A=1", "E=1"}));
  for (const PlannedTarget& target : plan.targets) {
    EXPECT_EQ(target.result.config.labels.at("l"), "1");
    EXPECT_EQ(target.result.history.size(), target.name == "s" ? 3U : 4U);
  }
}

// Copies from stage to stage would take gigabytes.
TEST(Targets, a_long_chain_of_stages_is_planned_in_linear_time) {
  constexpr int kStages = 10'000;
  std::string text = "FROM scratch AS s0\n";
  for (int i = 1; i <= kStages; ++i) {
    text += cat("FROM s", i - 1, " AS s", i, "\nLABEL l", i, "=1\nENV E", i, "=1\nARG A", i, "=1\n");
  }
  const StageResult result = plan_of(text).targets.at(0).result;
  EXPECT_EQ(result.config.labels.size(), kStages);
  EXPECT_EQ(result.config.env.size(), kStages + 1);
  EXPECT_EQ(result.history.size(), 3 * kStages);
  FakeResolver resolver;
  EXPECT_EQ(make_outline(parser::parse_dockerfile("f", text), amd64_options(), resolver).arguments.size(), kStages);
}

// An environment for each RUN would take gigabytes.
TEST(Targets, thousands_of_steps_behind_thousands_of_variables_are_planned_in_linear_time) {
  constexpr std::size_t kStages = 20'000;
  std::string text = "FROM scratch AS s0\n";
  for (std::size_t i = 1; i <= kStages; ++i) text += cat("FROM s", i - 1, " AS s", i, "\nENV E", i, "=1\nRUN x\n");
  const Plan plan = plan_of(text);
  const auto environment_of = [&plan](std::size_t step) {
    return std::get<RunStep>(plan.steps.at(step).operation).environment.words();
  };
  ASSERT_EQ(plan.steps.size(), kStages + 1);
  EXPECT_EQ(environment_of(2), (Words{kDefaultPath, "E1=1", "E2=1"}));
  EXPECT_EQ(environment_of(kStages).size(), kStages + 1);
}

TEST(Targets, ERR_05_thousands_of_unknown_names_are_not_compared_with_thousands_of_known_ones) {
  std::string globals;
  std::string stages;
  for (int i = 0; i < 10'000; ++i) {
    globals += cat("ARG known", i, "=scratch\n");
    stages += cat("FROM ${nown", i, ":-scratch}\n");
  }
  const auto found = findings_of(globals + stages);
  EXPECT_EQ(found.size(), 10'000U);
}

TEST(Targets, labels_reach_every_target) {
  PlanOptions options = with_targets({"a", "b"});
  options.labels = {{"k", "v"}};
  const Plan plan = plan_of(kThree, options);
  for (const PlannedTarget& target : plan.targets) EXPECT_EQ(target.result.config.labels.at("k"), "v");
}

TEST(Targets, PLAT_01_TARGETSTAGE_is_each_targets_own) {
  const std::string text =
      "FROM busybox AS shared\nARG TARGETSTAGE\nRUN echo $TARGETSTAGE\nFROM shared AS a\nFROM shared AS b\n";
  const Plan plan = plan_of(text, with_targets({"a", "b"}));
  const auto runs = steps_of<RunStep>(plan);
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].environment.words(), (Words{"PATH=/bin", "A=base", "TARGETSTAGE=a"}));
  EXPECT_EQ(runs[1].environment.words(), (Words{"PATH=/bin", "A=base", "TARGETSTAGE=b"}));
}

TEST(Targets, PLAT_01_a_trigger_may_speak_of_TARGETSTAGE) {
  FakeResolver resolver;
  resolver.images["busybox"].config.on_build = {"ARG TARGETSTAGE", "RUN x"};
  const Plan plan = plan_of("FROM busybox AS s\nFROM s AS a\nFROM s AS b\n", with_targets({"a", "b"}), resolver);
  const auto runs = steps_of<RunStep>(plan);
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[1].environment.words().back(), "TARGETSTAGE=b");
  EXPECT_EQ(resolver.asked.size(), 1U);
}

TEST(Targets, are_told_once_what_is_found) {
  const std::string text = "FROM busybox AS Shared\nARG TARGETSTAGE\nUSER $X\nFROM shared AS a\nCMD x\nFROM shared AS b\nCMD y\n";
  EXPECT_EQ(findings_of(text, with_targets({"a", "b"})).size(), 4U);
}

TEST(Targets, CHECK_27_every_stage_is_planned_when_asked_for) {
  const std::string text = "FROM busybox AS a\nCMD x\nFROM busybox\nCMD y\n";
  EXPECT_EQ(findings_of(text).size(), 1U);
  PlanOptions options = amd64_options();
  options.every_stage = true;
  EXPECT_EQ(findings_of(text, options).size(), 2U);
}

TEST(Targets, CHECK_23_findings_outlive_a_failure) {
  FakeResolver resolver;
  parser::Findings findings;
  const auto dockerfile = parser::parse_dockerfile("f", "FROM busybox\nCMD x\nSTOPSIGNAL bogus\n");
  EXPECT_THROW(make_plan(dockerfile, amd64_options(), resolver, findings), parser::DockerfileError);
  EXPECT_EQ(findings.sorted().size(), 1U);
}

TEST(Targets, FROM_09_a_long_chain_of_stages_is_no_deep_recursion) {
  std::string text = "FROM busybox AS s0\n";
  for (int i = 1; i < 3000; ++i) text += "FROM s" + std::to_string(i - 1) + " AS s" + std::to_string(i) + "\n";
  text += "FROM scratch\n";
  for (int i = 0; i < 3000; i += 100) text += "COPY --from=" + std::to_string(i) + " a b\n";
  EXPECT_EQ(steps_of<CopyStep>(plan_of(text)).size(), 30U);
}

TEST(Targets, CTX_09_FROM_09_a_stage_that_a_context_stands_in_for_is_not_planned) {
  FakeResolver resolver;
  PlanOptions options = amd64_options();
  options.named_contexts["gone"] = {NamedContext::Kind::directory, "/", std::nullopt};
  plan_of("FROM nowhere AS first\nFROM first AS gone\nCOPY --from=first a b\nFROM busybox\nCOPY --from=gone a b\n", options, resolver);
  EXPECT_EQ(resolver.asked, (Words{"busybox linux/amd64"}));
}

TEST(Names, FROM_18_ERR_05_what_is_nearly_a_stage_or_a_popular_image) {
  EXPECT_HAS(failure_of("FROM busybox AS build\nFROM biuld\n").message, "(did you mean build?)");
  EXPECT_HAS(failure_of("FROM alpin\n").message, "(did you mean alpine?)");
  EXPECT_HAS(failure_of("FROM debain:latest\n").message, "(did you mean debian:latest?)");
  EXPECT_HAS(failure_of("FROM busybox AS tools\nFROM busybox\nCOPY --from=tool a b\n").message,
             "(did you mean tools?)");
  const auto far = failure_of("FROM something-else\n");
  EXPECT_EQ(far.message.find("did you mean"), std::string::npos) << far.message;
  EXPECT_EQ(far.ranges, (std::vector<parser::SourceRange>{{1, 1}}));
  EXPECT_EQ(far.code, Errc::not_found);
}

TEST(Names, FROM_16_ERR_05_what_is_nearly_a_variable) {
  EXPECT_HAS(failure_of("FROM --platform=$BILDPLATFORM busybox\n").message,
             "empty platform value from expression $BILDPLATFORM (did you mean BUILDPLATFORM?)");
  EXPECT_HAS(failure_of("FROM --platform=a/b/c/d/$TARGETARC busybox\n").message, "(did you mean TARGETARCH?)");
}

}  // namespace
}  // namespace cooper::builder
