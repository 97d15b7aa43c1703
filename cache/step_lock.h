// The kernel lock behind Store::lock_step.
#pragma once

#include <memory>
#include <stop_token>

#include "base/dir.h"
#include "cache/store.h"

namespace cooper::cache {

std::unique_ptr<StepLock> wait_for_step_lock(const Dir& root, const StepKey& key,
                                             const std::stop_token& stop);

}  // namespace cooper::cache
