// Lines that only ever grow: "#3 [2/4] RUN make", "#3 0.412 output", "#3 DONE 1.2s", "#3 CACHED".
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "base/guarded.h"
#include "cmd/progress.h"

namespace cooper::cmd {

class PlainProgress : public TerminalProgress {
 public:
  void planned(const builder::Plan& plan) override;
  void started(builder::StepId step) override;
  void output(builder::StepId step, std::string_view bytes, bool is_stderr) override;
  void finished(builder::StepId step, builder::StepOutcome outcome) override;
  void activity_started(const std::string& label) override;
  void activity_finished(const std::string& label, bool ok) override;
  void notice(const std::string& line) override;
  void warning(const std::string& line) override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Row {
    int number = 0;
    Clock::time_point begun;
    std::string partial;  // output since the last line end
  };
  struct State {
    std::map<builder::StepId, std::string> names;
    std::map<builder::StepId, Row> steps;
    std::map<std::string, Row> activities;
    int last_number = 0;
  };
  Guarded<State> state_;
};

// Control characters that could confuse a terminal are shown as '?'; tabs, and colour sequences as they are.
std::string printable(std::string_view text);
// What a terminal is left with of a line of output, printable: a carriage return begins it anew, as progress bars do.
std::string shown_line(std::string_view line);
// How many bytes at its beginning a carriage return has taken back. The last may be half of a line's end, and takes none.
std::size_t taken_back(std::string_view line);
// printable() for several lines, their ends kept.
std::string printable_lines(std::string_view text);

}  // namespace cooper::cmd
