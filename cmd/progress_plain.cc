#include "cmd/progress_plain.h"

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "base/error.h"
#include "base/terminal_text.h"

namespace cooper::cmd {
namespace {

constexpr std::size_t kLongestLine = 64 * 1024;

std::string seconds(std::chrono::steady_clock::duration elapsed, const char* format) {
  char text[32];
  std::snprintf(text, sizeof text, format, std::chrono::duration<double>(elapsed).count());
  return text;
}

const char* word_of(builder::StepOutcome outcome) {
  switch (outcome) {
    case builder::StepOutcome::done: return "DONE";
    case builder::StepOutcome::cached: return "CACHED";
    case builder::StepOutcome::failed: return "ERROR";
    case builder::StepOutcome::cancelled: return "CANCELED";
  }
  return "";
}

// Bytes of the colour sequence (ESC [ numbers m) that text begins with, 0 when it begins with none. Any other escape
// sequence could move the cursor, clear the screen or set the clipboard.
std::size_t colour_sequence(std::string_view text) {
  if (!text.starts_with("\x1b[")) return 0;
  const std::size_t end = text.find_first_not_of("0123456789;", 2);
  return end != std::string_view::npos && text[end] == 'm' ? end + 1 : 0;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (const std::size_t length = colour_sequence(text.substr(i)); length > 0) {
      out += text.substr(i, length);
      i += length - 1;
      continue;
    }
    const std::size_t steering = text[i] == '\t' ? 0 : steering_bytes(text.substr(i));
    out += steering > 0 ? '?' : text[i];
    if (steering > 1) i += steering - 1;
  }
  return out;
}

std::size_t taken_back(std::string_view line) {
  const std::size_t last = line.find_last_not_of('\r');
  if (last == std::string_view::npos) return 0;
  const std::size_t at = line.rfind('\r', last);
  return at == std::string_view::npos ? 0 : at + 1;
}

std::string shown_line(std::string_view line) {
  line.remove_prefix(taken_back(line));
  return printable(line.substr(0, line.find_last_not_of('\r') + 1));
}

std::string printable_lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    out += printable(line);
    if (end < text.size()) out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

void PlainProgress::planned(const builder::Plan& plan) {
  state_.with([&](State& state) {
    for (builder::StepId id = 0; id < plan.steps.size(); ++id) state.names[id] = plan.steps[id].display;
  });
}

void PlainProgress::started(builder::StepId step) {
  state_.with([&](State& state) {
    Row& row = state.steps[step];
    row = {++state.last_number, Clock::now(), {}};
    std::cerr << cat("#", row.number, " ", printable(state.names[step]), "\n");
  });
}

void PlainProgress::output(builder::StepId step, std::string_view bytes, bool) {
  state_.with([&](State& state) {
    Row& row = state.steps[step];
    row.partial.append(bytes);
    const std::string prefix = cat("#", row.number, " ", seconds(Clock::now() - row.begun, "%.3f"), " ");
    std::string lines;
    std::string_view rest = row.partial;
    for (;;) {
      const std::string_view window = rest.substr(0, kLongestLine);
      const std::size_t end = window.find('\n');
      if (end == std::string_view::npos) {
        if (const std::size_t gone = taken_back(window); gone > 0) {
          rest.remove_prefix(gone);
          continue;
        }
        if (rest.size() < kLongestLine) break;
      }
      // A line without an end is cut, or a step could fill our memory.
      const std::string_view line = window.substr(0, end);
      rest.remove_prefix(line.size() + (end == std::string_view::npos ? 0 : 1));
      lines.append(prefix).append(shown_line(line)).append("\n");
    }
    row.partial.erase(0, row.partial.size() - rest.size());
    std::cerr << lines;
  });
}

void PlainProgress::finished(builder::StepId step, builder::StepOutcome outcome) {
  state_.with([&](State& state) {
    Row& row = state.steps[step];
    const auto elapsed = Clock::now() - row.begun;
    if (!row.partial.empty()) {
      std::cerr << cat("#", row.number, " ", seconds(elapsed, "%.3f"), " ", shown_line(row.partial), "\n");
    }
    const bool timed = outcome == builder::StepOutcome::done;
    std::cerr << cat("#", row.number, " ", word_of(outcome), timed ? " " + seconds(elapsed, "%.1fs") : "", "\n\n");
  });
}

void PlainProgress::activity_started(const std::string& label) {
  state_.with([&](State& state) {
    Row& row = state.activities[label];
    row = {++state.last_number, Clock::now(), {}};
    std::cerr << cat("#", row.number, " ", printable(label), "\n");
  });
}

void PlainProgress::activity_finished(const std::string& label, bool ok) {
  state_.with([&](State& state) {
    const Row& row = state.activities[label];
    const std::string elapsed = seconds(Clock::now() - row.begun, "%.1fs");
    std::cerr << cat("#", row.number, ok ? " DONE " + elapsed : std::string(" ERROR"), "\n\n");
  });
}

void PlainProgress::notice(const std::string& line) {
  state_.with([&](State&) { std::cerr << "notice: " + printable(line) + "\n"; });
}

void PlainProgress::warning(const std::string& line) {
  state_.with([&](State&) { std::cerr << "warning: " + printable(line) + "\n"; });
}

}  // namespace cooper::cmd
