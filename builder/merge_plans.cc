#include "builder/merge_plans.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/error.h"
#include "parser/text.h"

namespace cooper::builder {
bool wants_index(const std::map<std::string, std::string>& build_args, std::size_t platforms) {
  const bool several = platforms > 1;
  const auto given = build_args.find("BUILDKIT_MULTI_PLATFORM");
  if (given == build_args.end() || given->second.empty()) return several;
  const auto wanted = parser::to_bool(given->second);
  if (!wanted) throw Error(Errc::invalid, cat("invalid boolean value for multi-platform: ", given->second));
  if (several && !*wanted) {
    throw Error(Errc::invalid, "conflicting config: returning multiple target platforms is not allowed");
  }
  return *wanted;
}

ResolvedBase RememberingResolver::resolve(const std::string& reference, const oci::Platform& platform) {
  const std::pair key(reference, platform);
  const auto known = known_.find(key);
  if (known != known_.end()) return known->second;
  return known_.emplace(key, resolver_.resolve(reference, platform)).first->second;
}

StepId PlanMerger::place(Step step) {
  const auto inputs = inputs_of(step);
  const StepId first = inputs.empty() ? std::numeric_limits<StepId>::max() : inputs.front();
  auto& candidates = alike_[{step.operation.index(), first}];
  for (const StepId id : candidates) {
    const Step& known = merged_.steps[id];
    if (known.operation == step.operation && known.ignore_cache == step.ignore_cache) return id;
  }
  merged_.steps.push_back(std::move(step));
  candidates.push_back(merged_.steps.size() - 1);
  return candidates.back();
}

void PlanMerger::add(const oci::Platform& platform, Plan plan) {
  std::vector<StepId> ids;
  for (Step& step : plan.steps) {
    renumber_inputs(step, ids);  // inputs come before those who read them
    ids.push_back(place(std::move(step)));
  }
  if (merged_.targets.empty()) merged_.source_date_epoch = plan.source_date_epoch;
  merged_.targets.resize(plan.targets.size());
  for (std::size_t i = 0; i < plan.targets.size(); ++i) {
    StageResult& result = plan.targets[i].result;
    result.rootfs = ids.at(result.rootfs);
    for (PlannedHistory& entry : result.history) {
      if (entry.step) entry.step = ids.at(*entry.step);
    }
    PlannedTarget& target = merged_.targets[i];
    if (target.platforms.empty()) {
      target.name = plan.targets[i].name;
      target.result = result;
    }
    target.platforms.push_back({platform, std::move(result)});
  }
}

}  // namespace cooper::builder
