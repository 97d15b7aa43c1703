// Several platforms in one build (rows PLAT-05, PLAT-08): one plan per platform, merged into one. Private to the planner.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "builder/plan.h"
#include "builder/planner.h"

namespace cooper::builder {

// Whether the result is an index: for several platforms always, for one when BUILDKIT_MULTI_PLATFORM says so. Error for
// several that must not be one.
bool wants_index(const std::map<std::string, std::string>& build_args, std::size_t platforms);

// Asks for each image and platform once: all platforms of a build see the same bases, even when a tag moves meanwhile.
class RememberingResolver : public BaseResolver {
 public:
  explicit RememberingResolver(BaseResolver& resolver) : resolver_(resolver) {}
  ResolvedBase resolve(const std::string& reference, const oci::Platform& platform) override;

 private:
  BaseResolver& resolver_;
  std::map<std::pair<std::string, oci::Platform>, ResolvedBase> known_;
};

// Puts plans behind each other. A step that does the same on the same inputs as one that is there already becomes that
// one.
class PlanMerger {
 public:
  // Every plan has the same targets.
  void add(const oci::Platform& platform, Plan plan);
  Plan take() && { return std::move(merged_); }

 private:
  StepId place(Step step);

  Plan merged_;
  // Kind of operation and first input -> steps that may be the same.
  std::map<std::pair<std::size_t, StepId>, std::vector<StepId>> alike_;
};

}  // namespace cooper::builder
