// `cooper build`: its flags as a value, spelled as `docker buildx build` spells them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "builder/base_images.h"
#include "builder/planner.h"
#include "cmd/options_text.h"
#include "cmd/progress.h"

namespace CLI {
class App;
}

namespace cooper::cmd {

// As typed.
struct BuildFlags {
  std::string context;
  std::string file;
  std::vector<std::string> tags;
  std::vector<std::string> outputs;
  std::vector<std::string> targets;
  std::vector<std::string> build_args;
  std::vector<std::string> build_contexts;
  std::vector<std::string> labels;
  std::vector<std::string> annotations;
  std::vector<std::string> platforms;
  std::vector<std::string> no_cache_filters;
  std::vector<std::string> add_hosts;
  std::vector<std::string> ulimits;
  std::vector<std::string> allow;
  std::vector<std::string> secrets;
  std::vector<std::string> ssh;
  std::vector<std::string> refused;  // "--attest": given, and not supported yet
  std::vector<std::string> ignored;  // legacy flags that mean nothing here
  std::vector<std::string> limits;   // given, and not applied: they need a control group of our own (RUN-23)
  std::string network;
  std::string shm_size;
  std::string iid_file;
  std::string metadata_file;
  std::string progress;
  std::string call;
  std::string isolation;
  std::string snapshotter;
  std::string scratch;
  std::string store_limit;  // "10g"; "": none
  std::optional<bool> pull;
  int retries = 3;
  int threads = 0;  // 0: as many as processors
  bool no_cache = false;
  bool keep_xattrs = false;
  bool fold_metadata = false;
  bool push = false;
  bool load = false;
  bool check = false;
  bool quiet = false;
};

// --store-limit, of every command that fills the store.
void add_store_limit(CLI::App& app, std::string& value);

void add_build_flags(CLI::App& app, BuildFlags& flags);

// Runs it; returns the exit code. Failures are reported inside, as only here the Dockerfile's text is known.
int build_command(const BuildFlags& flags);

}  // namespace cooper::cmd
