// Acting on a step's root as the step's own root user. Private to the sandbox.
#pragma once

#include <cstdint>

#include "builder/sandbox/identity.h"

namespace cooper::builder {

// File-system credentials, in ids of the namespace we are in.
struct FileUser {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

// What uid 0, gid 0 of a step are to us.
FileUser step_root_user(const Identity& identity);

// setfsuid(2), setfsgid(2) for the calling thread, then the file capabilities that this drops are
// raised again: ids outside an id-mapped tree's map could make no file in it (EOVERFLOW). System
// calls only. False if the kernel refused.
bool act_as(const FileUser& user) noexcept;

// For a scope; of one thread only, as credentials are.
class StepRootCredentials {
 public:
  explicit StepRootCredentials(const Identity& identity);
  StepRootCredentials(const StepRootCredentials&) = delete;
  StepRootCredentials& operator=(const StepRootCredentials&) = delete;
  ~StepRootCredentials();

 private:
  bool changed_ = false;
};

}  // namespace cooper::builder
