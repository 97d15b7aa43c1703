// From flags as typed to values the builder takes; every refusal happens here, before any work.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "builder/export.h"
#include "builder/planner.h"
#include "cmd/build_flags.h"
#include "cmd/secrets.h"
#include "cmd/ssh_agents.h"
#include "layers/digest_memory.h"

namespace cooper::cmd {

struct BuildInputs {
  builder::PlanOptions plan;
  builder::PullPolicy pull = builder::PullPolicy::registry_first;
  std::vector<builder::Output> outputs;
  std::vector<oci::Reference> names;  // -t
  layers::CompressionSpec compression;
  oci::Annotations annotations;
  std::map<std::string, std::filesystem::path> contexts;  // --build-context
  int threads = 2;
  Secrets secrets;
  std::shared_ptr<SshAgents> ssh;
  bool announce_host_network = false;
  bool print_plan = false;
  bool plan_as_dot = false;
};
BuildInputs read_build_inputs(const BuildFlags& flags);

struct DockerfileText {
  std::string shown_name;                     // for messages: "Dockerfile"
  std::optional<std::filesystem::path> path;  // nullopt: standard input
  std::string text;
};
// CTX-01, CTX-02; Containerfile after Dockerfile.
DockerfileText read_dockerfile(const BuildFlags& flags);

// Remembered file digests of the contexts of one build, one packed record file per context directory.
class ContextDigests {
 public:
  layers::DigestMemory* open(cache::Store& store, const std::filesystem::path& context);
  void save();

 private:
  std::vector<std::unique_ptr<Dir>> directories_;  // borrowed by the memories
  std::vector<std::unique_ptr<layers::PackedDigestMemory>> memories_;
};

}  // namespace cooper::cmd
