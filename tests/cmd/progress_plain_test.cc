#include "cmd/progress_plain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

namespace cooper::cmd {
namespace {

using builder::StepOutcome;

builder::Plan two_steps() {
  builder::Plan plan;
  plan.steps.resize(2);
  plan.steps[0].display = "FROM busybox";
  plan.steps[1].display = "[2/2] RUN make";
  return plan;
}

// What is printed, with times as T.
template <class Body>
std::string printed(Body&& body) {
  ::testing::internal::CaptureStderr();
  PlainProgress progress;
  progress.planned(two_steps());
  body(progress);
  const std::string text = ::testing::internal::GetCapturedStderr();
  return std::regex_replace(text, std::regex("[0-9]+\\.[0-9]+"), "T");
}

TEST(PlainProgress, numbers_follow_the_order_of_starting) {
  EXPECT_EQ(printed([](PlainProgress& p) {
              p.started(1);
              p.activity_started("pull busybox");
              p.started(0);
              p.finished(0, StepOutcome::done);
              p.activity_finished("pull busybox", true);
              p.finished(1, StepOutcome::cached);
            }),
            "#1 [2/2] RUN make\n#2 pull busybox\n#3 FROM busybox\n#3 DONE Ts\n\n#2 DONE Ts\n\n#1 "
            "CACHED\n\n");
}

TEST(PlainProgress, output_comes_in_whole_lines) {
  EXPECT_EQ(printed([](PlainProgress& p) {
              p.started(1);
              p.output(1, "one\ntw", false);
              p.output(1, "o\r\nrest", true);
              p.finished(1, StepOutcome::failed);
            }),
            "#1 [2/2] RUN make\n#1 T one\n#1 T two\n#1 T rest\n#1 ERROR\n\n");
}

TEST(PlainProgress, of_a_line_written_over_the_last_state_is_told) {
  EXPECT_EQ(printed([](PlainProgress& p) {
              p.started(1);
              p.output(1, "get  0%\rget 50%\rget", false);
              p.output(1, " 99%\r", false);
              p.output(1, "\nnext\r\n\r1%\r2%\r", false);
              p.finished(1, StepOutcome::done);
            }),
            "#1 [2/2] RUN make\n#1 T get 99%\n#1 T next\n#1 T 2%\n#1 DONE Ts\n\n");
}

TEST(PlainProgress, a_progress_bar_is_not_gathered_and_not_cut) {
  const std::string told = printed([](PlainProgress& p) {
    p.started(0);
    std::string bar;
    for (int i = 0; i < 50'000; ++i) bar += "\r=====>";
    for (int i = 0; i < 20; ++i) p.output(0, bar, false);
    p.output(0, "\rready\n", false);
  });
  EXPECT_EQ(told, "#1 FROM busybox\n#1 T ready\n");
}

TEST(PlainProgress, failures_cancellations_and_notices) {
  EXPECT_EQ(printed([](PlainProgress& p) {
              p.notice("careful\n");
              p.started(0);
              p.finished(0, StepOutcome::cancelled);
              p.activity_started("push");
              p.activity_finished("push", false);
            }),
            "notice: careful?\n#1 FROM busybox\n#1 CANCELED\n\n#2 push\n#2 ERROR\n\n");
}

TEST(PlainProgress, a_line_without_an_end_is_cut_and_not_gathered) {
  const std::string told = printed([](PlainProgress& p) {
    p.started(0);
    const std::string chunk(50'000, 'z');
    for (int i = 0; i < 20; ++i) p.output(0, chunk, false);
    p.output(0, "end\n", false);
    p.finished(0, StepOutcome::done);
  });
  EXPECT_EQ(std::count(told.begin(), told.end(), 'z'), 1'000'000);
  EXPECT_EQ(std::count(told.begin(), told.end(), '\n'),
            1 + 16 + 2);  // 65,536 bytes in each but the last
}

TEST(PlainProgress, many_short_lines_cost_little) {
  std::string lines;
  for (int i = 0; i < 500'000; ++i)
    lines += "y\n";  // as one chunk: quadratic work would take minutes
  const std::string told = printed([&](PlainProgress& p) {
    p.started(0);
    p.output(0, lines, false);
  });
  EXPECT_EQ(std::count(told.begin(), told.end(), 'y'), 500'000 + 1);  // and the y of busybox
}

struct Row {
  const char* name;
  std::string text;
  std::string shown;
};

TEST(Printable, only_colours_reach_the_terminal) {
  const Row table[] = {
      {"plain", "a\tb \xc3\xa9", "a\tb \xc3\xa9"},
      {"control characters", std::string("a\0b\x07\x7f\rc", 7), "a?b???c"},
      {"the other control characters, and turned text", "a\xc2\x9b" "1mb\xe2\x80\xae" "c", "a?1mb?c"},
      {"colours", "\x1b[1;31mred\x1b[m", "\x1b[1;31mred\x1b[m"},
      {"clear screen", "\x1b[2Jx", "?[2Jx"},
      {"cursor", "\x1b[10A", "?[10A"},
      {"title", "\x1b]0;evil\x07", "?]0;evil?"},
      {"clipboard", "\x1b]52;c;eA==\x07", "?]52;c;eA==?"},
      {"cut off", "\x1b[31", "?[31"},
      {"escape at the end", "a\x1b", "a?"},
  };
  for (const Row& row : table) EXPECT_EQ(printable(row.text), row.shown) << row.name;
}

}  // namespace
}  // namespace cooper::cmd
