#include "builder/assemble.h"

#include <algorithm>

namespace cooper::builder {
namespace {

constexpr const char* kHistoryFiller = "buildkit.exporter.image.v0";

// IMG-05: base history whose non-empty entries do not number the base's layers is mended, never refused.
void mend_base_history(std::vector<oci::HistoryEntry>& history, std::size_t layers) {
  std::size_t filled = 0;
  for (oci::HistoryEntry& entry : history) {
    if (entry.empty_layer) continue;
    if (filled == layers) {
      entry.empty_layer = true;
    } else {
      ++filled;
    }
  }
  for (; filled < layers; ++filled) {
    oci::HistoryEntry filler;
    filler.comment = kHistoryFiller;
    history.push_back(filler);
  }
}

std::size_t new_layer_count(const Plan& plan) {
  return static_cast<std::size_t>(
      std::count_if(plan.result.history.begin(), plan.result.history.end(),
                    [](const PlannedHistory& planned) { return !planned.inherited && planned.step; }));
}

// IMG-04: a metadata entry takes the time of the new layer before it, else of the one after it, else of the
// base's last entry. The clock is never asked, so that equal builds give equal images.
std::vector<std::string> entry_times(const Plan& plan, const std::vector<StepResult>& results,
                                     const std::optional<std::int64_t>& epoch, const std::string& base_time) {
  const auto& history = plan.result.history;
  std::vector<std::string> times(history.size());
  std::string latest;
  std::string first_new = base_time;
  for (const PlannedHistory& planned : history) {
    if (planned.inherited || !planned.step) continue;
    first_new = results[*planned.step].created;
    break;
  }
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (history[i].inherited) continue;
    if (history[i].step) latest = results[*history[i].step].created;
    times[i] = epoch ? oci::format_time(*epoch) : (latest.empty() ? first_new : latest);
  }
  return times;
}

std::string_view oci_layer_type(std::string_view media_type) {
  if (media_type == oci::kDockerLayerGzipType) return oci::kLayerGzipType;
  if (media_type == oci::kDockerLayerTarType) return oci::kLayerTarType;
  return media_type;
}

}  // namespace

oci::ImageConfig make_config(const Plan& plan, const std::vector<StepResult>& results,
                             const std::optional<std::int64_t>& epoch) {
  oci::ImageConfig config = plan.result.config;
  const LayerStack& rootfs = results[plan.result.rootfs].rootfs;
  config.diff_ids.clear();
  for (const PlannedLayer& layer : rootfs.layers()) config.diff_ids.push_back(layer.diff_id);

  std::vector<oci::HistoryEntry> inherited;
  for (const PlannedHistory& planned : plan.result.history) {
    if (planned.inherited) inherited.push_back(planned.entry);
  }
  mend_base_history(inherited, rootfs.layers().size() - new_layer_count(plan));
  const std::string base_time = inherited.empty() ? "" : inherited.back().created;
  const auto times = entry_times(plan, results, epoch, base_time);

  config.history = std::move(inherited);
  for (std::size_t i = 0; i < plan.result.history.size(); ++i) {
    const PlannedHistory& planned = plan.result.history[i];
    if (planned.inherited) continue;
    oci::HistoryEntry entry = planned.entry;
    entry.created = times[i];
    entry.empty_layer = !planned.step.has_value();
    config.history.push_back(std::move(entry));
  }
  config.created = config.history.empty() ? "" : config.history.back().created;
  if (epoch) config.created = oci::format_time(*epoch);  // REPRO-05, with nothing but base entries too
  return config;
}

AssembledImage assemble(const Plan& plan, const std::vector<StepResult>& results,
                        const std::optional<std::int64_t>& epoch, const oci::Annotations& annotations,
                        oci::BlobStore& blobs) {
  AssembledImage image;
  image.config = make_config(plan, results, epoch);
  oci::Manifest manifest;
  manifest.config = oci::write_blob(blobs, oci::kConfigType, oci::to_json(image.config));
  for (const PlannedLayer& layer : results[plan.result.rootfs].rootfs.layers()) {
    oci::Descriptor descriptor = layer.descriptor;
    descriptor.media_type = oci_layer_type(descriptor.media_type);
    manifest.layers.push_back(std::move(descriptor));
  }
  manifest.annotations = annotations;
  image.manifest = oci::write_blob(blobs, oci::kManifestType, oci::to_json(manifest));
  return image;
}

}  // namespace cooper::builder
