#include "builder/plan.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace cooper::builder {
namespace {

const char* kind_of(const Operation& operation) {
  struct Visitor {
    const char* operator()(const SourceStep& step) const {
      switch (step.kind) {
        case SourceStep::Kind::scratch: return "scratch";
        case SourceStep::Kind::image: return "image";
        case SourceStep::Kind::local_context: return "context";
        case SourceStep::Kind::fetched: return "fetch";
      }
      return "source";
    }
    const char* operator()(const RunStep&) const { return "run"; }
    const char* operator()(const CopyStep& step) const { return step.is_add ? "add" : "copy"; }
    const char* operator()(const MakeDirStep&) const { return "mkdir"; }
  };
  return std::visit(Visitor(), operation);
}

// Calls visit(id) for each step that an operation reads: the one place that knows where they stand.
template <class AnyOperation, class Visit>
void each_input(AnyOperation& operation, Visit visit) {
  std::visit(
      [&visit](auto& step) {
        if constexpr (requires { step.parent; }) visit(step.parent);
        if constexpr (requires { step.mounts; }) {
          for (auto& mount : step.mounts) {
            if (mount.from) visit(*mount.from);
          }
        }
        if constexpr (requires { step.sources; }) {
          for (auto& source : step.sources) visit(source.from);
        }
      },
      operation);
}

// Quotes for DOT and for words with blanks: backslash, quote and line ends escaped.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    out += c;
  }
  return out + "\"";
}

// A target, or a target on one of several platforms.
struct Outcome {
  std::string name;
  StepId rootfs = 0;
};

std::vector<Outcome> outcomes_of(const Plan& plan) {
  std::vector<Outcome> list;
  for (const PlannedTarget& target : plan.targets) {
    if (target.platforms.empty()) list.push_back({target.name, target.result.rootfs});
    for (const PlannedPlatform& each : target.platforms) {
      list.push_back({target.name + " " + each.platform.str(), each.result.rootfs});
    }
  }
  return list;
}

}  // namespace

StepId parent_of(const Operation& operation) {
  return std::visit(
      [](const auto& step) -> StepId {
        if constexpr (requires { step.parent; }) {
          return step.parent;
        } else {
          throw std::logic_error("a source has no parent");
        }
      },
      operation);
}

std::vector<StepId> inputs_of(const Step& step) {
  std::vector<StepId> unique;
  each_input(step.operation, [&unique](StepId id) {
    if (std::find(unique.begin(), unique.end(), id) == unique.end()) unique.push_back(id);
  });
  return unique;
}

void renumber_inputs(Step& step, const std::vector<StepId>& ids) {
  each_input(step.operation, [&ids](StepId& id) { id = ids.at(id); });
}

std::string plan_text(const Plan& plan) {
  std::ostringstream out;
  for (const Outcome& each : outcomes_of(plan)) out << "target " << each.name << ": #" << each.rootfs << "\n";
  for (StepId id = 0; id < plan.steps.size(); ++id) {
    const Step& step = plan.steps[id];
    out << "#" << id << " " << kind_of(step.operation);
    const auto inputs = inputs_of(step);
    for (std::size_t i = 0; i < inputs.size(); ++i) out << (i == 0 ? " <- #" : ", #") << inputs[i];
    out << "  " << step.display << "\n";
  }
  return std::move(out).str();
}

std::string plan_dot(const Plan& plan) {
  std::ostringstream out;
  out << "digraph plan {\n  rankdir=BT;\n  node [shape=box];\n";
  for (StepId id = 0; id < plan.steps.size(); ++id) {
    out << "  s" << id << " [label=" << quoted(plan.steps[id].display) << "];\n";
    for (const StepId input : inputs_of(plan.steps[id])) out << "  s" << id << " -> s" << input << ";\n";
  }
  std::size_t number = 0;
  for (const Outcome& each : outcomes_of(plan)) {
    out << "  t" << number << " [shape=oval, label=" << quoted(each.name) << "];\n";
    out << "  t" << number++ << " -> s" << each.rootfs << ";\n";
  }
  out << "}\n";
  return std::move(out).str();
}

}  // namespace cooper::builder
