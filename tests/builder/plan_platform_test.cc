// Platforms in a plan (rows PLAT-*).
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/builder/plan_fixture.h"

namespace cooper::builder {
namespace {

PlanOptions targeting(const oci::Platform& platform) {
  PlanOptions options = amd64_options();
  options.target_platform = platform;
  options.platform_given = true;
  return options;
}

const oci::Platform kArm64{"linux", "arm64", "", ""};
const oci::Platform kArm{"linux", "arm", "v7", ""};

// The values of variables, with '/' behind each but the last.
std::string values_of(const std::vector<std::string>& names, const PlanOptions& options) {
  std::string text = "FROM scratch AS Last\n";
  std::string values;
  for (const std::string& name : names) {
    text += "ARG " + name + "\n";
    values += (values.empty() ? "${" : "/${") + name + "}";
  }
  return plan_of(text + "LABEL l=" + values + "\n", options).result().config.labels.at("l");
}

TEST(Platform, PLAT_01_automatic_arguments) {
  const PlanOptions options = targeting(kArm);
  EXPECT_EQ(values_of({"TARGETPLATFORM", "TARGETOS", "TARGETARCH", "TARGETVARIANT", "TARGETOSVERSION"}, options),
            "linux/arm/v7/linux/arm/v7/");
  EXPECT_EQ(values_of({"BUILDPLATFORM", "BUILDOS", "BUILDARCH", "BUILDVARIANT", "BUILDOSVERSION"}, options),
            "linux/amd64/linux/amd64//");
  EXPECT_EQ(values_of({"TARGETSTAGE"}, options), "last");
  PlanOptions by_name = options;
  by_name.targets = {"LAST"};  // as it was given
  EXPECT_EQ(values_of({"TARGETSTAGE"}, by_name), "LAST");
  FakeResolver resolver;
  plan_of("FROM --platform=$TARGETOS/$TARGETARCH busybox\n", options, resolver);
  EXPECT_EQ(resolver.asked, Words{"busybox linux/arm/v7"});
}

TEST(Platform, PLAT_02_in_a_stage_only_when_declared) {
  const PlanOptions options = targeting(kArm64);
  const auto label = [&](const std::string& body, const PlanOptions& with) {
    return plan_of("FROM scratch\n" + body + "LABEL l=<$TARGETARCH>\n", with).result().config.labels.at("l");
  };
  EXPECT_EQ(label("", options), "<>");
  EXPECT_EQ(label("ARG TARGETARCH\n", options), "<arm64>");
  EXPECT_EQ(label("ARG TARGETARCH=x\n", options), "<x>");
  PlanOptions given = options;
  given.build_args = {{"TARGETARCH", "mine"}};
  EXPECT_EQ(label("ARG TARGETARCH=x\n", given), "<mine>");
  EXPECT_EQ(label("", given), "<>");
}

TEST(Platform, PLAT_06_the_config_of_the_result) {
  const auto platform_of = [](const std::string& text, const PlanOptions& options, FakeResolver& resolver) {
    return plan_of(text, options, resolver).result().config.platform.str();
  };
  FakeResolver resolver;
  EXPECT_EQ(platform_of("FROM scratch\n", targeting(kArm), resolver), "linux/arm/v7");
  EXPECT_EQ(platform_of("FROM busybox\n", amd64_options(), resolver), "linux/amd64");
  resolver.images["busybox"].config.platform = {"linux", "arm64", "v8", ""};
  EXPECT_EQ(platform_of("FROM busybox\n", amd64_options(), resolver), "linux/arm64") << "the base's, normalised";
  EXPECT_EQ(platform_of("FROM busybox\n", targeting(kArm), resolver), "linux/arm/v7") << "what was asked for";
  EXPECT_EQ(platform_of("FROM busybox\n", targeting(kArm64), resolver), "linux/arm64");
}

TEST(Platform, PLAT_07_a_platform_on_the_final_stage) {
  FakeResolver resolver;
  resolver.images["busybox"].config.platform = kArm64;
  const std::string text = "FROM --platform=linux/arm64 busybox\nRUN x\n";
  const Plan plan = plan_of(text, amd64_options(), resolver);
  EXPECT_EQ(resolver.asked, Words{"busybox linux/arm64"});
  EXPECT_EQ(plan.result().config.platform.str(), "linux/arm64");
  EXPECT_EQ(steps_of<RunStep>(plan).at(0).platform, "linux/arm64");
  PlanOptions given = amd64_options();
  given.platform_given = true;
  EXPECT_EQ(plan_of(text, given, resolver).result().config.platform.str(), "linux/amd64");
}

TEST(Platform, FROM_17_steps_of_a_stage_have_its_platform) {
  FakeResolver resolver;
  const auto runs = steps_of<RunStep>(plan_of(
      "FROM --platform=$BUILDPLATFORM busybox AS tools\nRUN a\nFROM busybox\nRUN b\nCOPY --from=tools x /\n",
      targeting(kArm64), resolver));
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].platform + " " + runs[0].argv.back(), "linux/amd64 a");
  EXPECT_EQ(runs[1].platform + " " + runs[1].argv.back(), "linux/arm64 b");
}

// -- several platforms ----------------------------------------------------------------------------

PlanOptions both() {
  PlanOptions options = amd64_options();
  options.platforms = {{"linux", "amd64", "", ""}, kArm64};
  return options;
}

TEST(Platforms, PLAT_05_planned_once_each_and_build_stages_shared) {
  FakeResolver resolver;
  const Plan plan = plan_of(
      "FROM --platform=$BUILDPLATFORM busybox AS tools\nRUN build-tools\n"
      "FROM --platform=$BUILDPLATFORM busybox AS cross\nARG TARGETARCH\nRUN cross-compile\n"
      "FROM busybox\nCOPY --from=tools /t /t\nCOPY --from=cross /c /c\nRUN native\n",
      both(), resolver);
  EXPECT_EQ(resolver.asked, (Words{"busybox linux/amd64", "busybox linux/arm64"}));
  std::map<std::string, int> runs;
  for (const RunStep& run : steps_of<RunStep>(plan)) ++runs[run.argv.back() + " " + run.platform];
  EXPECT_EQ(runs, (std::map<std::string, int>{{"build-tools linux/amd64", 1},
                                              {"cross-compile linux/amd64", 2},
                                              {"native linux/amd64", 1},
                                              {"native linux/arm64", 1}}));
  ASSERT_EQ(plan.targets[0].platforms.size(), 2U);
  EXPECT_EQ(plan.targets[0].platforms[0].platform.str() + " " + plan.targets[0].platforms[1].platform.str(), "linux/amd64 linux/arm64");
  EXPECT_EQ(plan.targets[0].platforms[1].result.config.platform.str(), "linux/arm64");
  EXPECT_EQ(plan.result().rootfs, plan.targets[0].platforms[0].result.rootfs);
  // Every step comes after those it needs, and history points at steps of its own platform.
  for (StepId id = 0; id < plan.steps.size(); ++id) {
    for (const StepId input : inputs_of(plan.steps[id])) EXPECT_LT(input, id);
  }
  for (const PlannedPlatform& each : plan.targets[0].platforms) {
    EXPECT_EQ(each.result.history.back().step, each.result.rootfs);
    EXPECT_EQ(std::get<RunStep>(plan.steps[each.result.rootfs].operation).platform, each.platform.str());
  }
}

TEST(Platforms, PLAT_05_everything_equal_is_one) {
  const Plan plan = plan_of("FROM scratch\nCOPY f /\nCOPY <<A /a\nx\nA\nWORKDIR /w\n", both());
  EXPECT_EQ(plan.steps.size(), 5U);
  EXPECT_EQ(plan.targets[0].platforms[0].result.rootfs, plan.targets[0].platforms[1].result.rootfs);
  EXPECT_EQ(plan.targets[0].platforms[1].result.config.platform.str(), "linux/arm64");
}

TEST(Platforms, ERR_04_names_of_steps_begin_with_the_platform) {
  const Words names = displays(plan_of(
      "FROM --platform=$BUILDPLATFORM busybox AS a\nARG TARGETARCH\nRUN x\nFROM scratch\nCOPY --from=a x /\n", both()));
  const auto has = [&](const std::string& part) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return name.starts_with(part); });
  };
  EXPECT_TRUE(has("[linux/amd64 a "));
  EXPECT_TRUE(has("[linux/amd64->arm64 a "));
  EXPECT_TRUE(has("[linux/amd64 stage-1 "));
}

TEST(Platforms, CHECK_27_findings_are_told_once) {
  FakeResolver resolver;
  resolver.images["busybox"].config.platform = {"linux", "s390x", "", ""};
  PlanOptions options = both();
  const std::size_t for_one = findings_of("FROM --platform=linux/amd64 busybox as x\n", amd64_options(), resolver).size();
  EXPECT_EQ(findings_of("FROM --platform=linux/amd64 busybox as x\n", options, resolver).size(), for_one);
}

TEST(Platforms, PLAT_08_an_index_for_one_and_never_none_for_several) {
  EXPECT_TRUE(plan_of("FROM scratch\n").targets[0].platforms.empty());
  const Plan one = plan_of("FROM scratch\n", with_args({{"BUILDKIT_MULTI_PLATFORM", "1"}}));
  ASSERT_EQ(one.targets[0].platforms.size(), 1U);
  EXPECT_EQ(one.targets[0].platforms[0].platform.str(), "linux/amd64");
  PlanOptions options = both();
  options.build_args = {{"BUILDKIT_MULTI_PLATFORM", "false"}};
  const auto refusal = [](const PlanOptions& with) -> std::string {
    try {
      plan_of("FROM scratch\n", with);
    } catch (const Error& error) {
      return error.what();
    }
    return "planned";
  };
  EXPECT_HAS(refusal(options), "returning multiple target platforms is not allowed");
  options.build_args = {{"BUILDKIT_MULTI_PLATFORM", "maybe"}};
  EXPECT_HAS(refusal(options), "invalid boolean value for multi-platform: maybe");
  options.build_args = {{"BUILDKIT_MULTI_PLATFORM", "T"}};
  EXPECT_EQ(refusal(options), "planned");
}

}  // namespace
}  // namespace cooper::builder
