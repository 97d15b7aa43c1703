// From flags as typed to values the builder takes; every refusal happens here, before any work.
#pragma once

#include <vector>

#include "builder/export.h"
#include "builder/planner.h"
#include "builder/sandbox/snapshot.h"
#include "cmd/build_context.h"
#include "cmd/build_flags.h"
#include "cmd/call.h"
#include "cmd/secrets.h"
#include "cmd/ssh_agents.h"
#include "cmd/target_results.h"

namespace cooper::cmd {

struct BuildInputs {
  builder::PlanOptions plan;
  builder::PullPolicy pull = builder::PullPolicy::registry_first;
  std::vector<TargetResult> results;  // one per target
  layers::CompressionSpec compression;
  builder::Snapshotter snapshotter = builder::Snapshotter::automatic;
  std::vector<builder::Annotation> annotations;
  MainContext context;
  int threads = 2;
  Secrets secrets;
  std::shared_ptr<SshAgents> ssh;
  bool announce_host_network = false;
  Call call;
};
BuildInputs read_build_inputs(const BuildFlags& flags);

}  // namespace cooper::cmd
