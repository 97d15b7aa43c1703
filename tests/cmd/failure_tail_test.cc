#include "cmd/failure_tail.h"

#include <gtest/gtest.h>

#include "cmd/progress.h"

namespace cooper::cmd {
namespace {

using builder::StepOutcome;

class Tails : public ::testing::Test {
 protected:
  Tails() {
    builder::Plan plan;
    plan.steps.resize(3);
    for (builder::StepId id = 0; id < 3; ++id)
      plan.steps[id].display = "[" + std::to_string(id) + "/2] RUN x";
    tail_.planned(plan);
  }
  void say(builder::StepId step, const std::string& text) { tail_.output(step, text, false); }

  std::unique_ptr<TerminalProgress> quiet_ = make_progress(ProgressMode::quiet);
  FailureTail tail_{*quiet_};
};

TEST_F(Tails, ERR_03_the_first_step_that_fails_repeats_what_it_said) {
  say(0, "zero\n");
  say(1, "on");
  say(2, "two\n");
  say(1, "e\r\n10%\r20%\r\nlast \x1b[2J");
  tail_.finished(0, StepOutcome::done);
  EXPECT_EQ(tail_.text(), "");
  tail_.finished(1, StepOutcome::failed);
  tail_.finished(2, StepOutcome::failed);
  EXPECT_EQ(tail_.text(), "------\n > [1/2] RUN x:\none\n20%\nlast ?[2J\n------\n");
}

TEST_F(Tails, ERR_03_only_the_last_lines_are_kept) {
  for (int i = 0; i < 50; ++i) say(1, "line " + std::to_string(i) + "\n");
  tail_.finished(1, StepOutcome::failed);
  EXPECT_EQ(tail_.text().find("line 29\n"), std::string::npos);
  EXPECT_NE(tail_.text().find("line 30\n"), std::string::npos);
}

TEST_F(Tails, a_silent_or_cancelled_step_has_nothing_to_repeat) {
  say(0, "x\n");
  tail_.finished(0, StepOutcome::cancelled);
  tail_.finished(1, StepOutcome::failed);
  EXPECT_EQ(tail_.text(), "");
}

}  // namespace
}  // namespace cooper::cmd
