// Base images for questions that run nothing (--call=check, outline): a registry that can't be reached, or does not let
// us in, must not keep them from being answered.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "builder/planner.h"

namespace cooper::builder {

// An image that can't be looked at is replaced by an empty one that is not `known`, and tell() is called, once for each.
// An image that is known not to exist stays an error.
class StandInBases : public BaseResolver {
 public:
  StandInBases(BaseResolver& bases, std::function<void(const std::string&)> tell)
      : bases_(bases), tell_(std::move(tell)) {}

  ResolvedBase resolve(const std::string& reference, const oci::Platform& platform) override;

 private:
  BaseResolver& bases_;
  std::function<void(const std::string&)> tell_;
  std::set<std::string> told_;
};

}  // namespace cooper::builder
