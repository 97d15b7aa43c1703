#include "builder/history_text.h"

#include <gtest/gtest.h>

namespace cooper::builder {
namespace {

TEST(HistoryText, CMD_06_lists_of_words) {
  EXPECT_EQ(quoted_list({}), "[]");
  EXPECT_EQ(quoted_list({"a", "b c"}), "[\"a\" \"b c\"]");
  EXPECT_EQ(quoted_list({"\"\\\n\t\r"}), "[\"\\\"\\\\\\n\\t\\r\"]");
  EXPECT_EQ(quoted_list({"\a\v\x1b\x7f \xC3\xA9 \xff"}), "[\"\\a\\v\\x1b\\x7f \xC3\xA9 \\xff\"]");
  EXPECT_EQ(bracketed({"/a", "/b"}), "[/a /b]");
  EXPECT_EQ(join_words({"a", "b"}, ','), "a,b");
  EXPECT_EQ(join_words({}), "");
}

TEST(HistoryText, IMG_03_healthchecks) {
  EXPECT_EQ(healthcheck_text({{"NONE"}, 0, 0, 0, 0, 0}),
            "HEALTHCHECK {Test:[NONE] Interval:0s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}");
  EXPECT_EQ(healthcheck_text({{"CMD", "x", "y"}, 90'000'000'000, 500'000'000, 3'600'000'000'000, 60'000'000'000, 3}),
            "HEALTHCHECK {Test:[CMD x y] Interval:1m30s Timeout:500ms StartPeriod:1h0m0s StartInterval:1m0s Retries:3}");
  EXPECT_EQ(healthcheck_text({{}, 1'500'000'000, 1'500'000, 1'234'567, 999'999, 0}),
            "HEALTHCHECK {Test:[] Interval:1.5s Timeout:1.5ms StartPeriod:1.234567ms StartInterval:999.999\xC2\xB5s "
            "Retries:0}");
  EXPECT_EQ(healthcheck_text({{}, 1, 3'661'000'000'001, 0, 0, 0}),
            "HEALTHCHECK {Test:[] Interval:1ns Timeout:1h1m1.000000001s StartPeriod:0s StartInterval:0s Retries:0}");
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
