// --ulimit names (RUN-23). Private to the sandbox.
#pragma once

#include <vector>

#include "builder/sandbox/runner.h"
#include "builder/sandbox/step_process.h"

namespace cooper::builder {

// Error(invalid) for an unknown name or a soft limit above the hard one.
std::vector<LimitPlan> plan_limits(const std::vector<Ulimit>& ulimits);

}  // namespace cooper::builder
