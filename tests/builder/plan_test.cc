#include "builder/plan.h"

#include <gtest/gtest.h>

#include "tests/builder/plan_fixture.h"

namespace cooper::builder {
namespace {

constexpr const char* kTwoStages =
    "FROM busybox AS build\nRUN make \"x\"\nFROM scratch\nWORKDIR /w\nCOPY --from=build /out a "
    "/\nADD f /\n";

TEST(Plan, steps_come_after_those_they_need) {
  const Plan plan = plan_of(kTwoStages);
  for (StepId id = 0; id < plan.steps.size(); ++id) {
    for (const StepId input : inputs_of(plan.steps[id])) EXPECT_LT(input, id);
  }
}

TEST(Plan, inputs_are_listed_once) {
  CopyStep copy;
  copy.parent = 3;
  copy.sources = {{3, {"a"}}};
  EXPECT_EQ(inputs_of({copy, "", "", {}, false}), std::vector<StepId>{3});
  RunStep run;
  run.parent = 1;
  run.mounts.resize(2);
  run.mounts[1].from = 0;
  EXPECT_EQ(inputs_of({run, "", "", {}, false}), (std::vector<StepId>{1, 0}));
  EXPECT_TRUE(inputs_of({SourceStep{}, "", "", {}, false}).empty());
}

TEST(Plan, text_lists_every_step) {
  EXPECT_EQ(plan_text(plan_of(kTwoStages)),
            "target 1: #6\n"
            "#0 image  [build 1/2] FROM " + made_up_base("busybox").resolved + "\n"
            "#1 run <- #0  [build 2/2] RUN make \"x\"\n"
            "#2 scratch  FROM scratch\n"
            "#3 mkdir <- #2  [stage-1 1/3] WORKDIR /w\n"
            "#4 copy <- #3, #1  [stage-1 2/3] COPY --from=build /out a /\n"
            "#5 context  load build context\n"
            "#6 add <- #4, #5  [stage-1 3/3] ADD f /\n");
}

TEST(Plan, dot_escapes_labels) {
  const std::string dot = plan_dot(plan_of("FROM scratch\nRUN make \"x\\\\y\"\n"));
  EXPECT_HAS(dot, "digraph plan {");
  EXPECT_HAS(dot, "label=\"[1/1] RUN make \\\"x");
  EXPECT_HAS(dot, "s1 -> s0;");
  EXPECT_HAS(dot, "t0 -> s1;");
}

TEST(Plan, one_context_and_one_image_step_serve_everybody) {
  const Plan plan = plan_of(
      "FROM busybox AS a\nCOPY x /\nFROM busybox\nCOPY y /\nADD z /\nCOPY --from=a /x /x\n");
  EXPECT_EQ(steps_of<SourceStep>(plan).size(), 2U);
}

}  // namespace
}  // namespace cooper::builder
