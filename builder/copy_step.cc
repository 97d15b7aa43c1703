// COPY and ADD: what is selected, the key, the layer. Part of StepRunner.
#include <algorithm>
#include <utility>

#include "builder/copy_request.h"
#include "builder/step_runner.h"
#include "builder/users.h"

namespace cooper::builder {
namespace {

// That a kind of copy was made, so that not all records need be looked through for one.
constexpr char kCopiedFact[] = "copied";

std::string fact_key(const CopyKind& kind) { return oci::sha256(kind.begin + kind.end).hex(); }

}  // namespace

bool StepRunner::reads_late(StepId id, const CopyStep& step, const Prepared& prepared, const LayerStack& parent) const {
  const bool of_host = !step.sources.empty() && std::ranges::all_of(step.sources, [this](const CopyStep::Source& source) {
    return !source.unpack && local_context(source.from) != nullptr;
  });
  if (!of_host || options_.keep_xattrs) return false;
  // What several stages copy alike is copied once (CACHE-14), which takes a key that they wait for.
  const auto alike = std::ranges::count_if(plan_.steps, [&step](const Step& other) {
    const auto* copy = std::get_if<CopyStep>(&other.operation);
    return copy != nullptr && copy->destination == step.destination && copy->sources == step.sources;
  });
  if (alike > 1) return false;
  return plan_.steps[id].ignore_cache || !has_record_of(copy_kind(step, parent.chain(), prepared.owner, making()));
}

bool StepRunner::has_record_of(const CopyKind& kind) const {
  if (store_.find_fact(kCopiedFact, fact_key(kind))) return true;
  if (!store_.has_step_like(kind.begin, kind.end)) return false;
  note(kind);
  return true;
}

void StepRunner::note(const CopyKind& kind) const {
  try {
    store_.put_fact(kCopiedFact, fact_key(kind), "");
  } catch (const Error&) {
    // A full disk, most likely: then the records are looked through again.
  }
}

std::shared_ptr<Prepared> StepRunner::prepare_copy(StepId id, const std::vector<StepResult>& results,
                                                   std::stop_token stop) {
  const auto& step = std::get<CopyStep>(plan_.steps[id].operation);
  const LayerStack& parent = results[step.parent].rootfs;
  if (owner_needs_lookup(step.chown) && !workshop_) return nullptr;
  Prepared prepared;
  prepared.owner = owner_of(step.chown, step.link ? LayerStack() : parent, stop);
  prepared.unread = reads_late(id, step, prepared, parent);
  for (const CopyStep::Source& source : step.sources) {
    layers::CopyRequest request = copy_request(step, source);
    request.leave_unread = prepared.unread;
    prepared.selections.push_back(layers::select(source_tree(source.from, results, stop), request));
  }
  if (!step.heredocs.empty()) {
    prepared.selections.push_back(layers::select(layers::memory_tree(step.heredocs, now()), heredoc_request(step)));
  }
  if (!prepared.unread) seal_copy(step, prepared, parent);
  return std::make_shared<Prepared>(std::move(prepared));
}

void StepRunner::seal_copy(const CopyStep& step, Prepared& prepared, const LayerStack& parent) const {
  std::vector<oci::ContentDigest> digests;
  for (layers::Selection& selection : prepared.selections) {
    digests.push_back(layers::selection_digest(selection));
  }
  prepared.record = copy_record(step, parent.chain(), digests, prepared.owner, making());
}

StepResult StepRunner::copy_unread(StepId id, Prepared& prepared, const std::vector<StepResult>& results,
                                   std::stop_token stop) {
  const Step& planned = plan_.steps[id];
  const auto& step = std::get<CopyStep>(planned.operation);
  const LayerStack& parent = results[step.parent].rootfs;
  const std::int64_t began = options_.clock().first;
  layers::WrittenLayer written = write_copy_layer(step, prepared, parent, stop);
  seal_copy(step, prepared, parent);
  prepared.selections.clear();
  // Another build may have made the same meanwhile. Then the work was done twice, as neither had a key to wait for; they
  // would have had to wait for whatever else is copied there first.
  const auto lock = store_.lock_step(prepared.record.key, stop);
  if (auto found = look_up(id, prepared, results)) return *std::move(found);
  StepResult made = conclude(planned, prepared.record, parent, std::move(written), began);
  note(copy_kind(step, parent.chain(), prepared.owner, making()));
  return made;
}

layers::WrittenLayer StepRunner::write_copy_layer(const CopyStep& step, Prepared& prepared,
                                                  const LayerStack& parent, std::stop_token stop) {
  const auto below = step.link ? empty_tree_ : materializer_.in_blobs(parent);
  layers::PlaceOptions place;
  place.destination = step.destination;
  place.chown = prepared.owner;
  if (!step.chmod.empty()) place.chmod = layers::ModeChange::parse(step.chmod);
  place.now = now();
  layers::LayerWriter writer = new_layer(std::move(stop));
  layers::write_copies(prepared.selections, place, *below, writer);
  return std::move(writer).finish();
}

}  // namespace cooper::builder
