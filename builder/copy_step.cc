// COPY and ADD: what is selected, the key, the layer. Part of StepRunner.
#include <algorithm>
#include <utility>

#include "builder/copy_request.h"
#include "builder/step_runner.h"
#include "builder/users.h"

namespace cooper::builder {
namespace {

// The kinds of copies that were made: their keys may be known, so that reading for a key pays.
constexpr char kCopiedFact[] = "copied";

}  // namespace

bool StepRunner::copies_host_files(const CopyStep& step) const {
  return !step.sources.empty() && std::ranges::all_of(step.sources, [this](const CopyStep::Source& source) {
    return !source.unpack && local_context(source.from) != nullptr;
  });
}

std::shared_ptr<Prepared> StepRunner::prepare_copy(StepId id, const std::vector<StepResult>& results,
                                                   std::stop_token stop) {
  const auto& step = std::get<CopyStep>(plan_.steps[id].operation);
  const LayerStack& parent = results[step.parent].rootfs;
  if (owner_needs_lookup(step.chown) && !workshop_) return nullptr;
  Prepared prepared;
  prepared.owner = owner_of(step.chown, step.link ? LayerStack() : parent, stop);
  if (copies_host_files(step)) {
    const cache::StepKey kind = copy_kind(step, parent.chain(), prepared.owner, making());
    if (plan_.steps[id].ignore_cache || !store_.find_fact(kCopiedFact, kind.str())) prepared.unread = kind;
  }
  for (const CopyStep::Source& source : step.sources) {
    layers::CopyRequest request = copy_request(step, source);
    request.leave_unread = prepared.unread.has_value();
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

std::optional<StepResult> StepRunner::copy_unread(StepId id, Prepared& prepared,
                                                  const std::vector<StepResult>& results, std::stop_token stop) {
  const Step& planned = plan_.steps[id];
  const auto& step = std::get<CopyStep>(planned.operation);
  const LayerStack& parent = results[step.parent].rootfs;
  const std::string kind = prepared.unread->str();
  // Of concurrent builds one makes the first of its kind; the others may then find it (CACHE-14).
  const auto first = planned.ignore_cache ? nullptr : store_.lock_step(*prepared.unread, stop);
  if (first && store_.find_fact(kCopiedFact, kind)) {
    seal_copy(step, prepared, parent);
    return std::nullopt;
  }
  const std::int64_t began = options_.clock().first;
  layers::WrittenLayer written = write_copy_layer(step, prepared, parent);
  seal_copy(step, prepared, parent);
  store_.put_fact(kCopiedFact, kind, "");
  prepared.selections.clear();
  const auto lock = store_.lock_step(prepared.record.key, stop);
  if (auto found = look_up(id, prepared, results)) return found;
  return conclude(planned, prepared.record, parent, std::move(written), began);
}

layers::WrittenLayer StepRunner::write_copy_layer(const CopyStep& step, Prepared& prepared,
                                                  const LayerStack& parent) {
  const auto below = step.link ? empty_tree_ : materializer_.in_blobs(parent);
  layers::PlaceOptions place;
  place.destination = step.destination;
  place.chown = prepared.owner;
  if (!step.chmod.empty()) place.chmod = layers::ModeChange::parse(step.chmod);
  place.now = now();
  layers::LayerWriter writer = new_layer();
  layers::write_copies(prepared.selections, place, *below, writer);
  return std::move(writer).finish();
}

}  // namespace cooper::builder
