// Executes a Plan: looks every step up, runs what is missing, in parallel where the DAG allows.
//
// First a look-up pass on the caller's thread: steps whose inputs are known are answered from the cache, fetched sources
// are asked whether they are still what the store has. A build in which every step hits therefore starts no thread, no
// namespace, and no process but git to ask what a branch is. Only when something has to run is the build's user
// namespace entered (before any thread exists), and the rest is scheduled.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/layer_stack.h"
#include "builder/materializer.h"
#include "builder/plan.h"
#include "builder/progress.h"
#include "builder/sandbox/snapshot.h"
#include "builder/sources/source_fetcher.h"
#include "cache/store.h"
#include "layers/compression.h"
#include "layers/tree.h"

namespace cooper::builder {

class TreePlace;

struct ExecuteOptions {
  layers::CompressionSpec compression;           // of newly made layers
  std::optional<std::int64_t> source_date_epoch;  // times of directories we make, and of new steps
  std::function<std::pair<std::int64_t, std::uint32_t>()> clock;  // Unix time; arrives as a value
  // Opens a local context by name ("" is the main one); called at most once per name, before the
  // build's namespace is entered.
  std::function<std::shared_ptr<const layers::Tree>(const std::string& name)> open_context;
  // RUN --mount=type=secret: a secret's bytes by its id, asked for when a step that mounts it is about to run; nullopt:
  // nobody gave it. Thread-safe; empty: no secrets.
  std::function<std::optional<std::string>(const std::string& id)> find_secret;
  // RUN --mount=type=ssh: the socket of the agent that is forwarded under an id; nullopt: none. Thread-safe; may start
  // the agent. Empty: none.
  std::function<std::optional<std::string>(const std::string& id)> find_ssh_agent;
  // Where roots of RUN steps come from.
  Snapshotter snapshotter = Snapshotter::automatic;
  // Where trees are kept; null: in the store.
  TreePlace* trees = nullptr;
  // --keep-xattrs: of files' attributes all that mean something elsewhere, not capabilities alone (IMG-14). Part of
  // every key.
  bool keep_xattrs = false;
  // Brings what fetched sources name; may be null for a plan without any.
  SourceFetcher* sources = nullptr;
  // Called once, on the caller's thread, when something is about to run: after the namespace is entered, before the
  // first step. From here on threads may be started.
  std::function<void()> before_running;
};

struct StepResult {
  LayerStack rootfs;
  std::string created;  // RFC 3339; "" for sources
  bool cached = false;
};

// One result per step of the plan, in order. Errors carry the step's source range (StepError).
std::vector<StepResult> execute(const Plan& plan, cache::Store& store, LayerFetcher& fetcher, Progress& progress,
                                const ExecuteOptions& options, std::stop_token stop);

}  // namespace cooper::builder
