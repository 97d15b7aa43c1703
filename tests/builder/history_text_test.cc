#include "builder/history_text.h"

#include <gtest/gtest.h>

namespace cooper::builder {
namespace {

TEST(HistoryText, CMD_06_lists_of_words) {
  EXPECT_EQ(quoted_list({}), "[]");
  EXPECT_EQ(quoted_list({"a", "b c"}), "[\"a\" \"b c\"]");
  EXPECT_EQ(quoted_list({"\"\\\n\t\r"}), "[\"\\\"\\\\\\n\\t\\r\"]");
  EXPECT_EQ(bracketed({"/a", "/b"}), "[/a /b]");
  EXPECT_EQ(join_words({"a", "b"}, ','), "a,b");
  EXPECT_EQ(join_words({}), "");
}

TEST(HistoryText, HEALTH_rows_durations) {
  EXPECT_EQ(healthcheck_text({{"NONE"}, 0, 0, 0, 0, 0}), "HEALTHCHECK {[\"NONE\"] 0s 0s 0s 0s 0}");
  EXPECT_EQ(healthcheck_text({{"CMD", "x"}, 90'000'000'000, 500'000'000, 3'600'000'000'000, 1, 3}),
            "HEALTHCHECK {[\"CMD\" \"x\"] 1m30s 500ms 1h 1ns 3}");
}

TEST(HistoryText, COPY_37_flags_that_are_shown) {
  CopyStep step;
  step.chown = "1:2";
  step.chmod = "644";
  step.parents = true;
  step.link = true;
  step.excludes = {"x"};
  parser::Heredoc heredoc;
  heredoc.name = "EOF";
  EXPECT_EQ(copy_text("COPY", step, {"a"}, {heredoc}, "/d/"),
            "COPY --parents --chown=1:2 --chmod=644 a <<EOF /d/ # buildkit");
}

}  // namespace
}  // namespace cooper::builder
