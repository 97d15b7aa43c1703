// Which mounts a step gets, and in which order (RUN-08, RUN-14, RUN-15). Private to the sandbox.
#pragma once

#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/unique_fd.h"
#include "builder/sandbox/identity.h"
#include "builder/sandbox/mount_stubs.h"
#include "builder/sandbox/runner.h"
#include "builder/sandbox/setup_program.h"
#include "builder/sandbox/step_process.h"

namespace cooper::builder {

// What the host lends to steps; one per runner, thread-safe.
class HostMounts {
 public:
  explicit HostMounts(const Identity& identity) : identity_(identity) {}

  // A device node of the host, detached. Invalid when absent. It can be read and written, as that
  // is no change of the file system; but its owner, mode and times can't be changed.
  static UniqueFd device(const char* path);
  // A path of the host with everything below it, read-only, detached. Invalid when absent.
  static UniqueFd read_only_copy(const char* path);
  // A copy of what fd refers to, without usable device nodes; owners are the step's where they can
  // be.
  UniqueFd copy_for_step(int fd, bool read_only);

 private:
  const Identity& identity_;
  Guarded<UniqueFd> user_namespace_;  // made when first needed
};

struct SandboxParts {
  const RunRequest& request;
  const std::vector<LimitPlan>& limits;
  const Identity& identity;
  const std::string& staging_path;
  MountStubs& stubs;
  HostMounts& host;
};
// root: the step's root, detached.
SetupProgram plan_sandbox(const SandboxParts& parts, UniqueFd root);

}  // namespace cooper::builder
