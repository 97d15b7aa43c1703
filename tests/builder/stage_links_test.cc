#include "builder/stage_links.h"

#include <gtest/gtest.h>

#include "tests/builder/plan_fixture.h"

namespace cooper::builder {
namespace {

using Ranges = std::vector<parser::SourceRange>;

struct Row {
  const char* name;
  std::string text;
  const char* message;
  Ranges ranges;
};

// None of the stages that are wrong is needed by the target.
TEST(StageLinks, FROM_05_FROM_09_FROM_11_fail_wherever_they_stand) {
  const std::string end = "FROM scratch AS end\nCOPY f /\n";
  const Row table[] = {
      {"FROM_05 index", "FROM scratch\nCOPY --from=9 a b\n" + end, "invalid stage index 9", {{2, 2}}},
      {"FROM_05 negative", "FROM scratch\nCOPY --from=-1 a b\n" + end, "invalid stage index -1", {{2, 2}}},
      {"FROM_09 image", "FROM scratch\nCOPY --from=a//b a b\n" + end, "failed to parse stage name \"a//b\"", {{2, 2}}},
      {"FROM_09 mount", "FROM scratch\nRUN --mount=from=A:b:c,target=/m x\n" + end, "invalid reference format", {{2, 2}}},
      {"FROM_11 itself", "FROM scratch AS a\nCOPY --from=A a b\n" + end, "circular dependency detected on stage: a", {{2, 2}}},
      {"FROM_11 by number", "FROM scratch\nCOPY --from=0 a b\n" + end, "circular dependency detected on stage: stage-0", {{2, 2}}},
      {"FROM_11 two",
       "FROM scratch AS a\nCOPY --from=b x y\nFROM scratch AS b\nCOPY --from=a x y\n" + end,
       "circular dependency detected on stage: a",
       {{2, 2}, {4, 4}}},
      {"FROM_11 mount", "FROM scratch AS a\nRUN --mount=from=a,target=/m x\n" + end, "circular dependency detected on stage: a", {{2, 2}}},
  };
  for (const Row& row : table) {
    const auto failure = failure_of(row.text);
    EXPECT_HAS(failure.message, row.message) << row.name;
    EXPECT_EQ(failure.ranges, row.ranges) << row.name;
  }
}

TEST(StageLinks, a_later_stage_is_refused_only_where_it_is_needed) {
  const std::string text = "FROM scratch AS a\nCOPY --from=b x y\nFROM scratch AS b\nFROM scratch\n";
  EXPECT_NO_THROW(plan_of(text));
  PlanOptions options = amd64_options();
  options.targets = {"a"};
  EXPECT_HAS(failure_of(text, options).message, "cannot copy from stage \"b\"");  // FROM-06
}

TEST(StageLinks, what_two_stages_share_is_no_circle) {
  EXPECT_NO_THROW(plan_of("FROM scratch AS a\nFROM scratch AS b\nCOPY --from=a x y\nCOPY --from=0 x z\n"
                          "FROM scratch AS c\nCOPY --from=a x y\nCOPY --from=b x z\n"));
}

TEST(StageLinks, CTX_09_what_a_context_replaces_is_not_judged) {
  const std::string text = "FROM scratch AS a\nCOPY --from=9 x y\nFROM scratch\nCOPY --from=a x y\n";
  EXPECT_HAS(failure_of(text).message, "invalid stage index 9");
  PlanOptions options = amd64_options();
  options.named_contexts = directories({"a"});
  EXPECT_NO_THROW(plan_of(text, options));
}

TEST(StageLinks, a_long_chain_takes_no_stack) {
  std::string text = "FROM scratch AS s0\n";
  for (int i = 1; i < 20'000; ++i) {
    text += cat("FROM scratch AS s", i, "\nCOPY --from=s", i - 1, " x y\n");
  }
  text += "FROM scratch\n";
  EXPECT_NO_THROW(plan_of(text));
}

}  // namespace
}  // namespace cooper::builder
