// The Plan: everything a target needs, as a value. Made without running anything; printed by
// `cooper build --call=plan`, compared in tests, executed by builder/executor.h.
//
// Steps are the nodes of a DAG, listed so that every step comes after those it needs. Metadata instructions make no
// step: they fold into their stage's ImageConfig and history. All words are expanded; names that need a rootfs to be
// looked up (users, --chown) are still text.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "builder/sandbox/runner.h"
#include "builder/sources/remote_source.h"
#include "builder/step_environment.h"
#include "oci/image.h"
#include "parser/mount.h"
#include "parser/source.h"

namespace cooper::builder {

using StepId = std::size_t;  // index into Plan::steps

// A layer as an image lists it.
struct PlannedLayer {
  oci::Descriptor descriptor;
  oci::DiffId diff_id;
  friend bool operator==(const PlannedLayer&, const PlannedLayer&) = default;
};

// Where a rootfs or files begin.
struct SourceStep {
  enum class Kind { scratch, image, local_context, fetched };
  Kind kind = Kind::scratch;
  std::string name;                  // image: reference as written; local_context: "" (main) or its name
  std::string resolved;              // image: normalised reference with digest
  std::vector<PlannedLayer> layers;  // image, bottom first; fetched: one, read in place (layers/packed_layer.h)
  std::optional<RemoteSource> remote = std::nullopt;  // fetched: what it is, as long as it has no layer
  friend bool operator==(const SourceStep&, const SourceStep&) = default;
};

// One RUN (rows RUN-*). Key and execution need nothing but this and the parent's chain.
struct RunStep {
  StepId parent = 0;
  std::string platform;                  // of its stage: "linux/arm64"
  std::vector<std::string> argv;         // shell applied
  StepEnvironment environment;           // image Env, ARG values, PATH; HOME is added at run time (RUN-04)
  std::vector<std::pair<std::string, std::string>> proxies;  // reach the process, never the key (ARG-12)
  std::string working_dir;
  std::string user;                      // as written
  struct Mount {
    // Expanded and complete: target absolute ("": an env secret without a file), id set for cache (with its namespace),
    // secret and ssh.
    parser::RunMount mount;
    std::optional<StepId> from;          // bind, cache: the source tree
    friend bool operator==(const Mount&, const Mount&) = default;
  };
  std::vector<Mount> mounts;
  Network network = Network::host;
  bool insecure = false;
  std::string hostname = "buildkitsandbox";
  std::vector<ExtraHost> extra_hosts;
  std::vector<Ulimit> ulimits;           // by name, each once
  std::uint64_t shm_bytes = std::uint64_t{64} << 20;
  // HEREDOC-09: a script that is executed through its own interpreter, mounted at /dev/pipes/<name>.
  std::optional<std::pair<std::string, std::string>> script;  // name, content
  friend bool operator==(const RunStep&, const RunStep&) = default;
};

// One COPY or ADD (rows COPY-*, ADD-*).
struct CopyStep {
  StepId parent = 0;
  struct Source {
    StepId from = 0;
    std::vector<std::string> patterns;  // in order
    bool unpack = false;                // archives are unpacked
    bool literal = false;               // patterns are plain paths: of fetched content
    std::string name = {};              // what a file is called in a destination directory; "": as it is there
    friend bool operator==(const Source&, const Source&) = default;
  };
  std::vector<Source> sources;  // in order; none when only heredocs are given
  std::vector<std::pair<std::string, std::string>> heredocs;  // name, expanded content; applied after paths
  std::string destination;  // absolute; a trailing '/' counts
  std::string chown;        // "", or as written
  std::string chmod;
  bool link = false;
  bool parents = false;
  std::vector<std::string> excludes;
  bool is_add = false;
  friend bool operator==(const CopyStep&, const CopyStep&) = default;
};

// WORKDIR's directory (rows WORKDIR-02, 03).
struct MakeDirStep {
  StepId parent = 0;
  std::string path;
  std::string user;
  friend bool operator==(const MakeDirStep&, const MakeDirStep&) = default;
};

using Operation = std::variant<SourceStep, RunStep, CopyStep, MakeDirStep>;

struct Step {
  Operation operation;
  std::string display;        // "[build 2/4] RUN make" (ERR-04)
  std::string stage;          // name, or its number as text
  parser::SourceRange range;  // in the Dockerfile; ONBUILD triggers: the child's FROM line (ONBUILD-06)
  bool ignore_cache = false;  // --no-cache, --no-cache-filter
};

// One new history entry; layer entries name the step whose time and layer they stand for.
struct PlannedHistory {
  std::string created_by;
  std::optional<StepId> step;
  bool of_instruction = true;  // no: of a context that stands for a stage
};

struct StageResult {
  StepId rootfs = 0;
  oci::ImageConfig config;  // without diff_ids, created; history: the base's, kept as it is
  std::vector<PlannedHistory> history;  // what comes behind it
};

// What one of several platforms comes to.
struct PlannedPlatform {
  oci::Platform platform;  // as it was asked for: the index says this, whatever the config says (PLAT-07)
  StageResult result;
};

struct PlannedTarget {
  std::string name;                        // of its stage, or the stage's number as text
  StageResult result;                      // of several platforms the first one's
  std::vector<PlannedPlatform> platforms;  // not empty: the image is an index of these (PLAT-05, PLAT-08)
};

struct Plan {
  std::deque<Step> steps;
  std::vector<PlannedTarget> targets;             // as asked for, each once; never empty
  std::optional<std::int64_t> source_date_epoch;  // REPRO-01, resolved

  const StageResult& result() const { return targets.front().result; }  // where one target is expected
};

StepId parent_of(const Operation& operation);  // not of a source
// The steps a step needs, in order, each once.
std::vector<StepId> inputs_of(const Step& step);
// Steps are counted anew: old id -> new one.
void renumber_inputs(Step& step, const std::vector<StepId>& ids);

std::string plan_text(const Plan& plan);
std::string plan_dot(const Plan& plan);

}  // namespace cooper::builder
