#include "builder/fold.h"

#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "base/error.h"
#include "builder/activity.h"
#include "layers/fold.h"

namespace cooper::builder {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMegabyte = 1'000'000;
constexpr std::uint64_t kHintBytes = 10 * kMegabyte;

std::vector<const StageResult*> published_stages(const Plan& plan) {
  std::vector<const StageResult*> stages;
  for (const PlannedTarget& target : plan.targets) {
    if (target.platforms.empty()) stages.push_back(&target.result);
    for (const PlannedPlatform& each : target.platforms) stages.push_back(&each.result);
  }
  return stages;
}

// The steps of each layer above the base's, bottom first.
std::vector<StepId> layer_steps(const StageResult& stage) {
  std::vector<StepId> steps;
  for (const PlannedHistory& entry : stage.history) {
    if (entry.step) steps.push_back(*entry.step);
  }
  return steps;
}

class Folding {
 public:
  Folding(const Plan& plan, const std::vector<StepResult>& results, const FoldContext& context)
      : plan_(plan), results_(results), context_(context) {
    std::set<StepId> tops;
    for (const StageResult* stage : published_stages(plan)) {
      if (!tops.insert(stage->rootfs).second) continue;
      stages_.push_back(stage);
      for (const StepId step : layer_steps(*stage)) ++uses_[step];
    }
  }

  const std::vector<const StageResult*>& stages() const { return stages_; }

  // Of the layers above the base's.
  std::vector<layers::FoldedLayer> fold(const StageResult& stage) const {
    const std::vector<StepId> steps = layer_steps(stage);
    const auto& stack = results_[stage.rootfs].rootfs.layers();
    const std::size_t base = stack.size() - steps.size();
    std::vector<layers::FoldLayer> all;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const bool made_here = !std::holds_alternative<SourceStep>(plan_.steps[steps[i]].operation);
      all.push_back({context_.materializer.table(stack[base + i]), made_here && uses_.at(steps[i]) == 1});
    }
    return layers::fold_metadata(all);
  }

  LayerStack folded(const StageResult& stage, const std::stop_token& stop) const {
    const LayerStack& stack = results_[stage.rootfs].rootfs;
    std::vector<layers::FoldedLayer> changes = fold(stage);
    const std::size_t base = stack.layers().size() - changes.size();
    LayerStack made;
    for (std::size_t i = 0; i < stack.layers().size(); ++i) {
      const PlannedLayer& layer = stack.layers()[i];
      const bool changes_here = i >= base && changes[i - base].table;
      made.push(changes_here ? rewritten(layer, *changes[i - base].table, stop) : layer);
    }
    return made;
  }

 private:
  // The result is a function of this.
  std::string record_of(const PlannedLayer& layer, const layers::Table& rows) const {
    return json{{"v", 1},
                {"op", "fold"},
                {"layer", layer.diff_id.str()},
                {"rows", oci::sha256(std::string_view(rows.serialize())).str()},
                {"compression", {static_cast<int>(context_.compression.kind), context_.compression.level}}}
        .dump();
  }

  PlannedLayer rewritten(const PlannedLayer& layer, const layers::Table& rows, const std::stop_token& stop) const {
    const std::string record = record_of(layer, rows);
    const cache::StepKey key{oci::sha256(record)};
    if (const auto known = find(key)) return *known;
    const auto lock = context_.store.lock_step(key, stop);
    if (const auto known = find(key)) return *known;
    Activity activity(context_.progress, "fold metadata into " + layer.diff_id.str());
    layers::LayerWriter writer(context_.store, context_.compression);
    writer.keep_xattrs(true);  // the rows have what the build keeps
    writer.end_when(stop);
    layers::rewrite_layer(context_.store.open_blob(layer.descriptor.digest), rows,
                          "layer " + layer.descriptor.digest.str(), writer);
    layers::WrittenLayer written = std::move(writer).finish();
    const PlannedLayer made{written.descriptor, written.diff_id};
    context_.materializer.remember_table(made, std::move(written.table));
    context_.store.put_step(key, {record, cache::LayerRecord{made.descriptor, made.diff_id}, ""});
    activity.succeed();
    return made;
  }

  std::optional<PlannedLayer> find(const cache::StepKey& key) const {
    const auto record = context_.store.find_step(key);
    if (!record || !record->layer) return std::nullopt;
    return PlannedLayer{record->layer->descriptor, record->layer->diff_id};
  }

  const Plan& plan_;
  const std::vector<StepResult>& results_;
  const FoldContext& context_;
  std::vector<const StageResult*> stages_;
  std::map<StepId, int> uses_;  // by stages that are published
};

std::uint64_t file_bytes(const layers::Table& table) {
  const auto& rows = table.entries();
  return std::accumulate(rows.begin(), rows.end(), std::uint64_t{0}, [](std::uint64_t sum, const layers::Entry& row) {
    return sum + (row.type == layers::EntryType::file ? row.size_bytes : 0);
  });
}

}  // namespace

std::vector<StepResult> fold_metadata(const Plan& plan, const std::vector<StepResult>& results,
                                      const FoldContext& context, const std::stop_token& stop) {
  std::vector<StepResult> published = results;
  const Folding folding(plan, results, context);
  for (const StageResult* stage : folding.stages()) published[stage->rootfs].rootfs = folding.folded(*stage, stop);
  return published;
}

void hint_at_folding(const Plan& plan, const std::vector<StepResult>& results, const FoldContext& context) {
  const Folding folding(plan, results, context);
  for (const StageResult* stage : folding.stages()) {
    const std::vector<StepId> steps = layer_steps(*stage);
    const auto& stack = results[stage->rootfs].rootfs.layers();
    const std::size_t base = stack.size() - steps.size();
    std::map<std::size_t, std::uint64_t> large;  // layers of steps that ran, and their bytes
    for (std::size_t i = 1; i < steps.size(); ++i) {
      if (results[steps[i]].cached || !std::holds_alternative<RunStep>(plan.steps[steps[i]].operation)) continue;
      const std::uint64_t bytes = file_bytes(*context.materializer.table(stack[base + i]));
      if (bytes > kHintBytes) large.emplace(i, bytes);
    }
    if (large.empty()) continue;
    const auto folded = folding.fold(*stage);
    for (const auto& [layer, bytes] : large) {
      const std::uint64_t moved = folded[layer].moved_bytes;
      if (moved <= kHintBytes || moved <= bytes / 2) continue;
      context.progress.notice(cat(plan.steps[steps[layer]].display, ": ", moved / kMegabyte,
                                  " MB of its layer are files of layers beneath it with another owner, mode or time; "
                                  "--fold-metadata stores them once"));
    }
  }
}

}  // namespace cooper::builder
