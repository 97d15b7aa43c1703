#include "cmd/progress_tty.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "base/error.h"
#include "cmd/progress_plain.h"

namespace cooper::cmd {
namespace {

constexpr std::size_t kLongestLine = 16 * 1024;
constexpr auto kRedrawEvery = std::chrono::milliseconds(100);

std::size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string tenths(std::chrono::steady_clock::duration elapsed) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1fs", std::chrono::duration<double>(elapsed).count());
  return text;
}

}  // namespace

void TtyProgress::erase() {
  std::string out;
  for (; drawn_lines_ > 0; --drawn_lines_) out += "\x1b[1A\x1b[2K";
  std::cerr << out;
}

std::string TtyProgress::fit(const std::string& line) const {
  const std::size_t columns = terminal_columns();
  return line.size() < columns ? line : line.substr(0, columns - 1);
}

void TtyProgress::draw() {
  std::string out;
  const auto add = [&](const Row& row) {
    out += fit(cat(" => ", row.label, "  ", tenths(Clock::now() - row.begun))) + "\n";
    ++drawn_lines_;
    if (row.last_line.empty()) return;
    out += fit(" => => " + row.last_line) + "\n";
    ++drawn_lines_;
  };
  for (const auto& [id, row] : steps_) add(row);
  for (const auto& [label, row] : activities_) add(row);
  std::cerr << out << std::flush;
}

void TtyProgress::print_above(const std::string& line) {
  erase();
  std::cerr << line << "\n";
  draw();
}

std::string TtyProgress::finished_line(const Row& row, const char* mark, const char* colour) const {
  const std::string text = fit(cat(" => ", mark, row.label, "  ", tenths(Clock::now() - row.begun)));
  return colour_ ? cat(colour, text, "\x1b[0m") : text;
}

void TtyProgress::planned(const builder::Plan& plan) {
  const std::lock_guard lock(mutex_);
  for (builder::StepId id = 0; id < plan.steps.size(); ++id) names_[id] = printable(plan.steps[id].display);
}

void TtyProgress::started(builder::StepId step) {
  const std::lock_guard lock(mutex_);
  steps_[step] = {names_[step], Clock::now(), {}, {}};
  erase();
  draw();
}

void TtyProgress::output(builder::StepId step, std::string_view bytes, bool) {
  const std::lock_guard lock(mutex_);
  Row& row = steps_[step];
  row.partial.append(bytes);
  std::string_view rest = row.partial;
  for (std::size_t end; (end = rest.find_first_of("\r\n")) != std::string_view::npos;) {
    if (end > 0) row.last_line = printable(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  row.partial.erase(0, row.partial.size() - rest.size());
  // Of a line without an end the last part is shown, or a step could fill our memory.
  if (row.partial.size() > kLongestLine) row.partial.erase(0, row.partial.size() - kLongestLine / 2);
}

void TtyProgress::finished(builder::StepId step, builder::StepOutcome outcome) {
  const std::lock_guard lock(mutex_);
  const Row row = std::move(steps_[step]);
  steps_.erase(step);
  switch (outcome) {
    case builder::StepOutcome::done: print_above(finished_line(row, "", "\x1b[34m")); break;
    case builder::StepOutcome::cached: print_above(finished_line(row, "CACHED ", "\x1b[34m")); break;
    case builder::StepOutcome::cancelled: print_above(finished_line(row, "CANCELED ", "\x1b[33m")); break;
    case builder::StepOutcome::failed: print_above(finished_line(row, "ERROR ", "\x1b[31m")); break;
  }
}

void TtyProgress::activity_started(const std::string& label) {
  const std::lock_guard lock(mutex_);
  activities_[label] = {printable(label), Clock::now(), {}, {}};
  erase();
  draw();
}

void TtyProgress::activity_finished(const std::string& label, bool ok) {
  const std::lock_guard lock(mutex_);
  const Row row = std::move(activities_[label]);
  activities_.erase(label);
  print_above(finished_line(row, ok ? "" : "ERROR ", ok ? "\x1b[34m" : "\x1b[31m"));
}

void TtyProgress::notice(const std::string& line) {
  const std::lock_guard lock(mutex_);
  print_above("notice: " + printable(line));
}

void TtyProgress::warning(const std::string& line) {
  const std::lock_guard lock(mutex_);
  print_above("warning: " + printable(line));
}

void TtyProgress::start_clock() {
  clock_ = std::jthread([this](const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested() && !closing_) {
      wake_.wait_for(lock, kRedrawEvery);
      erase();
      if (!closing_) draw();
    }
  });
}

void TtyProgress::close() {
  {
    const std::lock_guard lock(mutex_);
    if (closing_) return;
    closing_ = true;
    erase();
    wake_.notify_all();
  }
  if (clock_.joinable()) clock_.join();
}

}  // namespace cooper::cmd
