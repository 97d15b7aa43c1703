// One step at a time: prepare (what is its key?), look up, perform. Private to the executor.
//
// Thread-safe once the namespace is entered; before that used by one thread only.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/guarded.h"
#include "builder/executor.h"
#include "builder/mount_source.h"
#include "builder/sandbox/identity.h"
#include "builder/sandbox/runner.h"
#include "builder/sandbox/snapshot.h"
#include "builder/step_mounts.h"
#include "builder/step_root.h"
#include "builder/step_key.h"
#include "layers/copy.h"
#include "layers/layer_writer.h"

namespace cooper::builder {

// What a step is, as far as its inputs say: its key, and what was selected on the way to it.
struct Prepared {
  KeyedRecord record;
  std::vector<layers::Selection> selections;  // COPY
  // COPY whose key is made after its layer, so that bytes are read once.
  bool unread = false;
  std::vector<std::optional<MountSource>> mounts;  // RUN: one for each, where it has a source
  std::optional<layers::Owner> owner;         // COPY --chown, resolved
};

// Where processes run: made once per build, when the first step needs it.
struct Workshop {
  Workshop(const Identity& identity, cache::Store& trees, Materializer& materializer, Snapshotter snapshotter);
  cache::Store& trees;
  StepStorage storage;
  StepRoots roots;
  std::unique_ptr<Runner> runner;
};

class StepRunner {
 public:
  StepRunner(const Plan& plan, cache::Store& store, LayerFetcher& fetcher, Progress& progress,
             const ExecuteOptions& options);
  ~StepRunner();

  // Opens the local context that the step reads, if any: contexts belong to whoever started us, so they are opened
  // before the namespace is entered.
  void open_context_of(StepId id);
  // After the look-up pass, if anything missed: what it alone needed is given back.
  void end_look_up() const;
  // Enters the build's namespace; single-threaded callers only.
  void open_workshop();

  // Sources: their result, nothing to run. nullopt: it must be fetched, which perform() does.
  std::optional<StepResult> source(const SourceStep& step, const std::stop_token& stop) const;
  // nullptr: the key can't be made before the workshop is open (a name must be looked up in files, …), or before the
  // step is performed.
  std::shared_ptr<const Prepared> prepare(StepId id, const std::vector<StepResult>& results, std::stop_token stop);
  std::optional<StepResult> look_up(StepId id, const Prepared& prepared, const std::vector<StepResult>& results);
  // Look-up again under the step's lock, then the work itself.
  StepResult perform(StepId id, const std::vector<StepResult>& results, std::stop_token stop);

 private:
  // As prepare(), but with what has no key before it is performed.
  std::shared_ptr<Prepared> select(StepId id, const std::vector<StepResult>& results, std::stop_token stop);
  Prepared select_mounts(const RunStep& step, const std::vector<StepResult>& results);
  KeyedRecord record_of(StepId id, const Prepared& prepared, const std::vector<StepResult>& results) const;
  std::shared_ptr<Prepared> prepare_copy(StepId id, const std::vector<StepResult>& results, std::stop_token stop);
  // Whether a key made before the layer could find nothing: its files are of a local context and copied as they are, and
  // the store has no record of such a copy of other files.
  bool reads_late(StepId id, const CopyStep& step, const Prepared& prepared, const LayerStack& parent) const;
  bool has_record_of(const CopyKind& kind) const;
  void note(const CopyKind& kind) const;  // that there is one
  // Makes its key: reads what was not read yet.
  void seal_copy(const CopyStep& step, Prepared& prepared, const LayerStack& parent) const;
  StepResult copy_unread(StepId id, Prepared& prepared, const std::vector<StepResult>& results, std::stop_token stop);
  std::optional<layers::Owner> owner_of(const std::string& text, const LayerStack& rootfs, std::stop_token stop);
  std::shared_ptr<const layers::Tree> source_tree(StepId from, const std::vector<StepResult>& results,
                                                  std::stop_token stop);

  layers::LayerWriter new_layer(std::stop_token stop) const;
  layers::WrittenLayer write_copy_layer(const CopyStep& step, Prepared& prepared, const LayerStack& parent,
                                        std::stop_token stop);
  layers::WrittenLayer write_dir_layer(const MakeDirStep& step, const LayerStack& parent, std::stop_token stop);
  StepResult run_process(StepId id, const RunStep& step, const Prepared& prepared,
                         const std::vector<StepResult>& results, std::stop_token stop);
  std::vector<MountJob> mount_jobs(const RunStep& step, const Prepared& prepared,
                                   const std::vector<StepResult>& results) const;
  // Runs it; its output, without secrets, goes to progress.
  RunOutcome run_masked(StepId id, const RunRequest& request, const UniqueFd& root, const OutputMask& mask,
                        std::stop_token stop);
  // Early cutoff, records, table: common to every kind of step. began: Unix seconds.
  StepResult conclude(const Step& step, const KeyedRecord& keyed, const LayerStack& parent,
                      layers::WrittenLayer written, std::int64_t began);

  std::string machine() const;
  Making making() const { return {options_.source_date_epoch, options_.keep_xattrs}; }
  std::string step_time() const;
  Timestamp now() const;

  std::shared_ptr<const layers::Tree> context(const std::string& name);
  // The local context that a step is; nullptr: something else.
  const SourceStep* local_context(StepId id) const;

  const Plan& plan_;
  cache::Store& store_;
  Progress& progress_;
  const ExecuteOptions& options_;
  Materializer materializer_;
  std::unique_ptr<Workshop> workshop_;
  Guarded<std::map<std::string, std::shared_ptr<const layers::Tree>>> contexts_;
  WrittenContexts written_contexts_;
  FreshCaches fresh_caches_;
  std::shared_ptr<const layers::Tree> empty_tree_;
  // Copies out of a context and sources of mounts: selected and hashed in the look-up pass, used again when they miss.
  // One slot per step, empty once it is answered: a selection may hold the names of a whole context.
  std::vector<std::shared_ptr<Prepared>> prepared_;
};

// True when a step needs trees, processes or names looked up in files.
bool needs_workshop(const Plan& plan, const Step& step);

}  // namespace cooper::builder
