// A block at the bottom of the terminal that is redrawn: one line per running step with its time and last output line;
// finished steps scroll away above it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cmd/progress.h"

namespace cooper::cmd {

class TtyProgress : public TerminalProgress {
 public:
  explicit TtyProgress(bool colour) : colour_(colour) {}
  ~TtyProgress() override { close(); }

  void planned(const builder::Plan& plan) override;
  void started(builder::StepId step) override;
  void output(builder::StepId step, std::string_view bytes, bool is_stderr) override;
  void finished(builder::StepId step, builder::StepOutcome outcome) override;
  void activity_started(const std::string& label) override;
  void activity_finished(const std::string& label, bool ok) override;
  void notice(const std::string& line) override;
  void warning(const std::string& line) override;
  void start_clock() override;
  void close() override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Row {
    std::string label;
    Clock::time_point begun;
    std::string last_line;  // of output
    std::string partial;
  };
  // All with the lock held.
  void erase();
  void draw();
  void print_above(const std::string& line);
  std::string finished_line(const Row& row, const char* mark, const char* colour) const;
  std::string fit(const std::string& line) const;

  bool colour_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool closing_ = false;
  std::map<builder::StepId, std::string> names_;
  std::map<builder::StepId, Row> steps_;
  std::map<std::string, Row> activities_;
  std::size_t drawn_lines_ = 0;
  std::jthread clock_;
};

}  // namespace cooper::cmd
