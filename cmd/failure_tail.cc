#include "cmd/failure_tail.h"

#include "base/error.h"
#include "cmd/progress_plain.h"

namespace cooper::cmd {
namespace {

constexpr std::size_t kLines = 20;
constexpr std::size_t kLineBytes = 4096;
constexpr const char* kRuler = "------\n";

}  // namespace

void FailureTail::planned(const builder::Plan& plan) {
  state_.with([&](State& state) {
    for (builder::StepId id = 0; id < plan.steps.size(); ++id) state.names[id] = plan.steps[id].display;
  });
  next_.planned(plan);
}

void FailureTail::output(builder::StepId step, std::string_view bytes, bool is_stderr) {
  state_.with([&](State& state) {
    Tail& tail = state.running[step];
    std::string_view rest = bytes;
    for (std::size_t end; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
      tail.lines.push_back(tail.partial.append(rest.substr(0, end)));
      tail.partial.clear();
      if (tail.lines.size() > kLines) tail.lines.pop_front();
    }
    tail.partial += rest;
    if (tail.partial.size() > kLineBytes) tail.partial.erase(0, tail.partial.size() - kLineBytes);
  });
  next_.output(step, bytes, is_stderr);
}

void FailureTail::finished(builder::StepId step, builder::StepOutcome outcome) {
  state_.with([&](State& state) {
    const auto found = state.running.find(step);
    if (found == state.running.end()) return;
    Tail tail = std::move(found->second);
    state.running.erase(found);
    if (outcome != builder::StepOutcome::failed || !state.text.empty()) return;
    if (!tail.partial.empty()) tail.lines.push_back(std::move(tail.partial));
    if (tail.lines.empty()) return;
    state.text = cat(kRuler, " > ", printable(state.names[step]), ":\n");
    for (const std::string& line : tail.lines) state.text += shown_line(line) + "\n";
    state.text += kRuler;
  });
  next_.finished(step, outcome);
}

std::string FailureTail::text() {
  return state_.with([](State& state) { return state.text; });
}

}  // namespace cooper::cmd
