#include "builder/step_runner.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/heap.h"
#include "builder/step_equality.h"
#include "builder/step_error.h"
#include "builder/tree_file.h"
#include "builder/tree_place.h"
#include "builder/users.h"

namespace cooper::builder {
namespace {

const LayerStack& rootfs_of(StepId id, const std::vector<StepResult>& results) {
  return results[id].rootfs;
}

bool has_cache_mount(const Step& step) {
  const auto* run = std::get_if<RunStep>(&step.operation);
  return run != nullptr && std::ranges::any_of(run->mounts, [](const RunStep::Mount& mount) {
    return mount.mount.type == parser::MountType::cache;
  });
}

StepResult with_layer(const LayerStack& parent, const cache::StepRecord& record, bool cached) {
  StepResult result{parent, record.created, cached};
  result.rootfs.push({record.layer->descriptor, record.layer->diff_id});
  return result;
}

}  // namespace

bool needs_workshop(const Plan& plan, const Step& step) {
  if (std::holds_alternative<RunStep>(step.operation)) return true;
  if (const auto* copy = std::get_if<CopyStep>(&step.operation)) {
    if (owner_needs_lookup(copy->chown)) return true;
    return std::any_of(copy->sources.begin(), copy->sources.end(), [&](const CopyStep::Source& each) {
      const auto* source = std::get_if<SourceStep>(&plan.steps[each.from].operation);
      return source == nullptr || source->kind == SourceStep::Kind::image;
    });
  }
  const auto* made = std::get_if<MakeDirStep>(&step.operation);
  return made != nullptr && owner_needs_lookup(made->user);
}

StepRunner::StepRunner(const Plan& plan, cache::Store& store, LayerFetcher& fetcher, Progress& progress,
                       const ExecuteOptions& options)
    : plan_(plan),
      store_(store),
      progress_(progress),
      options_(options),
      materializer_(store, fetcher),
      empty_tree_(layers::merge_layers({})),
      prepared_(plan.steps.size()) {}

StepRunner::~StepRunner() = default;

void StepRunner::open_context_of(StepId id) {
  for (const StepId input : inputs_of(plan_.steps[id])) {
    if (const SourceStep* source = local_context(input)) context(source->name);
  }
}

// A walk holds every name twice for a moment.
void StepRunner::end_look_up() const {
  constexpr std::size_t kManyEntries = 20'000;
  std::size_t entries = 0;
  for (const auto& prepared : prepared_) {
    if (!prepared) continue;
    for (const layers::Selection& selection : prepared->selections) {
      for (const layers::SelectedSource& source : selection.sources) entries += source.beneath.entries.size();
    }
  }
  if (entries >= kManyEntries) give_back_free_memory();
}

const SourceStep* StepRunner::local_context(StepId id) const {
  const auto* source = std::get_if<SourceStep>(&plan_.steps[id].operation);
  return source != nullptr && source->kind == SourceStep::Kind::local_context ? source : nullptr;
}

Workshop::Workshop(const Identity& identity, cache::Store& its_trees, Materializer& materializer, Snapshotter snapshotter)
    : trees(its_trees),
      storage(identity, trees.path().string(), snapshotter),
      roots(trees, materializer, storage),
      runner(make_namespace_runner(identity, (trees.path() / "ingest").string())) {}

void StepRunner::open_workshop() {
  if (workshop_) return;
  const Identity& identity = enter_build_namespace();
  store_.sweep();
  cache::Store& trees = options_.trees != nullptr ? options_.trees->trees() : store_;
  materializer_.keep_trees_in(trees);
  workshop_ = std::make_unique<Workshop>(identity, trees, materializer_, options_.snapshotter);
  materializer_.set_mapping(identity.mapping, workshop_->storage.hiding());
  // After the storage: it is what finds out whether id-mapped mounts work.
  for (const std::string& line : identity.notices) progress_.notice(line);
  if (workshop_->storage.no_exec() && std::ranges::any_of(plan_.steps, has_cache_mount)) {
    progress_.notice(cat("no program can be run in cache mounts: the file system of ", trees.path().string(), " is mounted with noexec"));
  }
  if (workshop_->storage.no_set_id()) {
    progress_.notice("RUN steps work on a file system that is mounted with nosuid: their set-user-ID programs have no effect");
  }
  const std::string& refusal = workshop_->storage.overlay_refusal();
  if (!refusal.empty()) {
    const std::string cure = &trees == &store_ ? "; another file system for the store (COOPER_ROOT) or for --scratch may do" : "";
    progress_.notice(cat("RUN steps work in copies of their whole root, which takes time and room: ", refusal, cure));
  }
  if (workshop_->storage.snapshotter() == Snapshotter::fuse_overlayfs) {
    progress_.notice(
        "RUN steps work through fuse-overlayfs: set-id bits and owners of symlinks can get lost when a step changes what it "
        "found (docs/sandbox.md)");
  }
}

std::optional<StepResult> StepRunner::source(const SourceStep& step, const std::stop_token& stop) const {
  if (step.kind != SourceStep::Kind::fetched || !step.layers.empty()) {
    return StepResult{LayerStack(step.layers), "", false};
  }
  const auto layer = options_.sources->find(*step.remote, stop);
  if (!layer) return std::nullopt;
  return StepResult{LayerStack({*layer}), "", true};
}

std::shared_ptr<const Prepared> StepRunner::prepare(StepId id, const std::vector<StepResult>& results,
                                                    std::stop_token stop) {
  const auto prepared = select(id, results, std::move(stop));
  return prepared && prepared->unread ? nullptr : prepared;
}

std::shared_ptr<Prepared> StepRunner::select(StepId id, const std::vector<StepResult>& results, std::stop_token stop) {
  const Operation& operation = plan_.steps[id].operation;
  if (const auto* run = std::get_if<RunStep>(&operation)) {
    if (!prepared_[id]) prepared_[id] = std::make_shared<Prepared>(select_mounts(*run, results));
    prepared_[id]->record = record_of(id, *prepared_[id], results);
    return prepared_[id];
  }
  if (std::holds_alternative<CopyStep>(operation)) {
    if (prepared_[id]) return prepared_[id];
    auto prepared = prepare_copy(id, results, stop);
    if (!needs_workshop(plan_, plan_.steps[id])) prepared_[id] = prepared;
    return prepared;
  }
  const auto& made = std::get<MakeDirStep>(operation);
  Prepared prepared;
  prepared.record = make_dir_record(made, rootfs_of(made.parent, results).chain(), making());
  return std::make_shared<Prepared>(std::move(prepared));
}

std::string StepRunner::machine() const {
  std::string machine;
  if (workshop_) {
    machine = cat(id_class(enter_build_namespace()), workshop_->storage.no_set_id() ? ", no set-id programs" : "");
  }
  if (options_.snapshotter == Snapshotter::fuse_overlayfs) machine += ", fuse-overlayfs";
  return machine;
}

// Metadata is enough for a key, so that nothing is unpacked for a step that hits.
Prepared StepRunner::select_mounts(const RunStep& step, const std::vector<StepResult>& results) {
  Prepared prepared;
  for (const RunStep::Mount& mount : step.mounts) {
    std::optional<MountSource>& source = prepared.mounts.emplace_back();
    if (!mount.from) continue;
    const SourceStep* local = local_context(*mount.from);
    source = select_mount_source(
        local != nullptr ? context(local->name) : materializer_.metadata(rootfs_of(*mount.from, results)),
        mount.mount.source);
  }
  return prepared;
}

// Made anew each time: only an open workshop knows which machine this is.
KeyedRecord StepRunner::record_of(StepId id, const Prepared& prepared, const std::vector<StepResult>& results) const {
  const auto& step = std::get<RunStep>(plan_.steps[id].operation);
  std::vector<std::optional<oci::ContentDigest>> content;
  for (const std::optional<MountSource>& source : prepared.mounts) {
    content.push_back(source ? std::optional(source->content) : std::nullopt);
  }
  const bool no_exec = workshop_ && workshop_->storage.no_exec() && has_cache_mount(plan_.steps[id]);
  const std::string where = machine() + (no_exec ? ", no programs in cache mounts" : "");
  return run_record(step, rootfs_of(step.parent, results).chain(), where, content, making());
}

std::optional<layers::Owner> StepRunner::owner_of(const std::string& text, const LayerStack& rootfs,
                                                  std::stop_token stop) {
  if (text.empty()) return std::nullopt;
  if (!owner_needs_lookup(text)) {
    return resolve_owner(text, [](const TreePath&) { return std::nullopt; });
  }
  const auto tree = materializer_.files(rootfs, stop);
  return resolve_owner(text, [&](const TreePath& path) { return read_tree_file(*tree, path); });
}

std::shared_ptr<const layers::Tree> StepRunner::context(const std::string& name) {
  return contexts_.with([&](auto& contexts) {
    auto& slot = contexts[name];
    if (!slot) slot = options_.open_context(name);
    return slot;
  });
}

std::shared_ptr<const layers::Tree> StepRunner::source_tree(StepId from, const std::vector<StepResult>& results,
                                                            std::stop_token stop) {
  const LayerStack& rootfs = rootfs_of(from, results);
  if (const SourceStep* local = local_context(from)) return context(local->name);
  const auto* source = std::get_if<SourceStep>(&plan_.steps[from].operation);
  if (source != nullptr && source->kind == SourceStep::Kind::fetched) return materializer_.packed(rootfs);
  return workshop_ ? materializer_.files(rootfs, stop) : materializer_.metadata(rootfs);
}

std::optional<StepResult> StepRunner::look_up(StepId id, const Prepared& prepared,
                                              const std::vector<StepResult>& results) {
  if (plan_.steps[id].ignore_cache) return std::nullopt;
  const auto record = store_.find_step(prepared.record.key);
  if (!record || !record->layer) return std::nullopt;
  const LayerStack& parent = rootfs_of(parent_of(plan_.steps[id].operation), results);
  // The key knows the parent by what its image claims; that of COPY --link does not know it.
  const auto* copy = std::get_if<CopyStep>(&plan_.steps[id].operation);
  if (copy == nullptr || !copy->link) materializer_.confirm(parent);
  prepared_[id].reset();
  return with_layer(parent, *record, true);
}

StepResult StepRunner::perform(StepId id, const std::vector<StepResult>& results, std::stop_token stop) {
  const Step& step = plan_.steps[id];
  if (const auto* source = std::get_if<SourceStep>(&step.operation)) {
    return {LayerStack({options_.sources->fetch(*source->remote, stop)}), "", false};
  }
  auto prepared = select(id, results, stop);
  if (!prepared) throw std::logic_error("a step was performed before its workshop was open");
  prepared_[id].reset();
  if (prepared->unread) return copy_unread(id, *prepared, results, stop);
  const KeyedRecord keyed = prepared->record;
  // Concurrent builds wait here for whoever is first, and then find the result (CACHE-14).
  const auto lock = store_.lock_step(keyed.key, stop);
  if (auto found = look_up(id, *prepared, results)) return *found;
  const LayerStack& parent = rootfs_of(parent_of(step.operation), results);
  const std::int64_t began = options_.clock().first;
  if (const auto* run = std::get_if<RunStep>(&step.operation)) {
    return run_process(id, *run, *prepared, results, stop);
  }
  if (const auto* copy = std::get_if<CopyStep>(&step.operation)) {
    layers::WrittenLayer written = write_copy_layer(*copy, *prepared, parent, stop);
    prepared.reset();
    return conclude(step, keyed, parent, std::move(written), began);
  }
  layers::WrittenLayer written = write_dir_layer(std::get<MakeDirStep>(step.operation), parent, stop);
  return conclude(step, keyed, parent, std::move(written), began);
}

layers::LayerWriter StepRunner::new_layer(std::stop_token stop) const {
  layers::LayerWriter writer(store_, options_.compression);
  writer.keep_xattrs(options_.keep_xattrs);
  writer.end_when(std::move(stop));
  return writer;
}

layers::WrittenLayer StepRunner::write_dir_layer(const MakeDirStep& step, const LayerStack& parent,
                                                 std::stop_token stop) {
  layers::MakeDirs request{step.path, {}, now()};
  FileLookup files = [](const TreePath&) { return std::nullopt; };
  if (owner_needs_lookup(step.user)) {
    files = [tree = materializer_.files(parent, stop)](const TreePath& path) { return read_tree_file(*tree, path); };
  }
  request.owner = resolve_dir_owner(step.user, files);
  layers::LayerWriter writer = new_layer(stop);
  layers::write_dirs(request, *materializer_.metadata(parent), writer);
  return std::move(writer).finish();
}

StepResult StepRunner::conclude(const Step& step, const KeyedRecord& keyed, const LayerStack& parent,
                                layers::WrittenLayer written, std::int64_t began) {
  const StepPeriod period{began, options_.clock().first};
  const auto* copy = std::get_if<CopyStep>(&step.operation);
  const auto below = copy != nullptr && copy->link ? empty_tree_ : materializer_.metadata(parent);
  oci::ContentDigest content = equality_of(written.table, *below, period);
  // With an epoch the times of what we make are part of the promise (REPRO-05), so a layer of another epoch is no answer;
  // what a RUN leaves has times of its own.
  if (options_.source_date_epoch && !std::holds_alternative<RunStep>(step.operation)) {
    content = {oci::sha256(cat("epoch ", *options_.source_date_epoch, " ", content.str()))};
  }
  // CACHE-20: an equal tree on the same parent is answered by the layer that was there first.
  if (auto earlier = store_.find_equal(parent.chain(), content); earlier && earlier->layer) {
    earlier->inputs = keyed.text;
    store_.put_step(keyed.key, *earlier);
    return with_layer(parent, *earlier, false);
  }
  materializer_.remember_table({written.descriptor, written.diff_id}, std::move(written.table));
  const cache::StepRecord record{keyed.text,
                                 cache::LayerRecord{written.descriptor, written.diff_id}, step_time()};
  store_.put_equal(parent.chain(), content, record);
  store_.put_step(keyed.key, record);
  return with_layer(parent, record, false);
}

// The true one, whatever the epoch: a build without an epoch may find this step, and takes its time (IMG-04).
std::string StepRunner::step_time() const {
  const auto [seconds, nanoseconds] = options_.clock();
  return oci::format_time(seconds, nanoseconds);
}

Timestamp StepRunner::now() const {
  if (options_.source_date_epoch) return {*options_.source_date_epoch, 0};
  return {options_.clock().first, 0};
}

}  // namespace cooper::builder
