// What a failing step said last, to be told again beside its error (ERR-03), where a parallel build's lines or a quiet
// one's silence would have hidden it.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "base/guarded.h"
#include "builder/progress.h"

namespace cooper::cmd {

// Passes everything on. The last lines of running steps are kept until they end.
class FailureTail : public builder::Progress {
 public:
  explicit FailureTail(builder::Progress& next) : next_(next) {}

  void planned(const builder::Plan& plan) override;
  void started(builder::StepId step) override { next_.started(step); }
  void output(builder::StepId step, std::string_view bytes, bool is_stderr) override;
  void finished(builder::StepId step, builder::StepOutcome outcome) override;
  void activity_started(const std::string& label) override { next_.activity_started(label); }
  void activity_finished(const std::string& label, bool ok) override { next_.activity_finished(label, ok); }
  void notice(const std::string& line) override { next_.notice(line); }

  // Of the step that failed first, between rulers; "" if none failed or it said nothing.
  std::string text();

 private:
  struct Tail {
    std::deque<std::string> lines;
    std::string partial;
  };
  struct State {
    std::map<builder::StepId, std::string> names;
    std::map<builder::StepId, Tail> running;
    std::string text;
  };
  builder::Progress& next_;
  Guarded<State> state_;
};

}  // namespace cooper::cmd
