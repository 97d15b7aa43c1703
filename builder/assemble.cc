#include "builder/assemble.h"

#include <algorithm>

#include "base/error.h"

namespace cooper::builder {
namespace {

constexpr const char* kHistoryComment = "buildkit.dockerfile.v0";
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

std::size_t new_layer_count(const StageResult& stage) {
  return static_cast<std::size_t>(
      std::count_if(stage.history.begin(), stage.history.end(),
                    [](const PlannedHistory& planned) { return planned.step.has_value(); }));
}

// IMG-04: an entry without a time of its own takes that of a new layer near it: of the one before, for the first such
// entries of the one after; without any new layer, of the base's last entry. The clock is never asked, so that equal
// builds give equal images.
std::vector<std::string> entry_times(const StageResult& stage, const std::vector<StepResult>& results,
                                     const std::optional<std::int64_t>& epoch) {
  std::vector<std::string> own;
  for (const oci::HistoryEntry& entry : stage.config.history) own.push_back(entry.created);
  for (const PlannedHistory& planned : stage.history) {
    own.push_back(planned.step ? results[*planned.step].created : "");
  }
  std::string time;
  bool gap = false;
  for (const std::string& each : own) {
    gap = gap || each.empty();
    if (each.empty()) continue;
    time = each;
    if (gap) break;
  }
  gap = false;
  std::vector<std::string> times;
  for (const std::string& each : own) {
    gap = gap || each.empty();
    if (!each.empty() && gap) time = each;
    times.push_back(epoch ? oci::format_time(*epoch) : (each.empty() ? time : each));
  }
  return times;
}

std::string_view oci_layer_type(std::string_view media_type) {
  if (media_type == oci::kDockerLayerGzipType) return oci::kLayerGzipType;
  if (media_type == oci::kDockerLayerTarType) return oci::kLayerTarType;
  return media_type;
}

// The annotations of one place, as far as they are for this platform.
oci::Annotations annotations_at(Annotation::Place place, const std::vector<Annotation>& all,
                                const std::optional<oci::Platform>& platform) {
  oci::Annotations chosen;
  for (const Annotation& each : all) {
    if (each.place != place) continue;
    if (each.platform && platform && *each.platform != *platform) continue;
    chosen[each.key] = each.value;
  }
  return chosen;
}

AssembledImage write_image(const StageResult& stage, const std::vector<StepResult>& results,
                           const std::optional<std::int64_t>& epoch, const std::vector<Annotation>& annotations,
                           const std::optional<oci::Platform>& platform, oci::BlobStore& blobs) {
  AssembledImage image;
  image.config = make_config(stage, results, epoch);
  oci::Manifest manifest;
  manifest.config = oci::write_blob(blobs, oci::kConfigType, oci::to_json(image.config));
  image.id = manifest.config.digest;
  for (const PlannedLayer& layer : results[stage.rootfs].rootfs.layers()) {
    oci::Descriptor descriptor = layer.descriptor;
    descriptor.media_type = oci_layer_type(descriptor.media_type);
    manifest.layers.push_back(std::move(descriptor));
  }
  manifest.annotations = annotations_at(Annotation::Place::manifest, annotations, platform);
  image.manifest = oci::write_blob(blobs, oci::kManifestType, oci::to_json(manifest));
  image.manifest.annotations = annotations_at(Annotation::Place::manifest_descriptor, annotations, platform);
  return image;
}

}  // namespace

void check_annotations(const PlannedTarget& target, const std::vector<Annotation>& annotations) {
  for (const Annotation& each : annotations) {
    const bool of_index = each.place == Annotation::Place::index || each.place == Annotation::Place::index_descriptor;
    if (of_index && target.platforms.empty()) {
      throw Error(Errc::invalid, "index annotations not supported for single platform export");
    }
    if (!each.platform) continue;
    const auto& platforms = target.platforms;
    const bool built = platforms.empty() ? *each.platform == target.result.config.platform
                                         : std::any_of(platforms.begin(), platforms.end(), [&](const auto& planned) {
                                             return planned.platform == *each.platform;
                                           });
    if (!built) {
      throw Error(Errc::invalid,
                  cat("invalid annotation: no platform ", each.platform->str(), " found in source"));
    }
  }
}

oci::ImageConfig make_config(const StageResult& stage, const std::vector<StepResult>& results,
                             const std::optional<std::int64_t>& epoch) {
  oci::ImageConfig config = stage.config;
  const LayerStack& rootfs = results[stage.rootfs].rootfs;
  config.diff_ids.clear();
  for (const PlannedLayer& layer : rootfs.layers()) config.diff_ids.push_back(layer.diff_id);

  const auto times = entry_times(stage, results, epoch);
  const auto first_time = static_cast<std::ptrdiff_t>(config.history.size());
  mend_base_history(config.history, rootfs.layers().size() - new_layer_count(stage));
  auto time = times.begin() + first_time;
  for (const PlannedHistory& planned : stage.history) {
    oci::HistoryEntry entry;
    entry.created = *time++;
    entry.created_by = planned.created_by;
    if (planned.of_instruction) entry.comment = kHistoryComment;
    entry.empty_layer = !planned.step.has_value();
    config.history.push_back(std::move(entry));
  }
  config.created = config.history.empty() ? "" : config.history.back().created;
  if (epoch) config.created = oci::format_time(*epoch);  // REPRO-05, with nothing but base entries too
  return config;
}

AssembledImage assemble(const PlannedTarget& target, const std::vector<StepResult>& results,
                        const std::optional<std::int64_t>& epoch, const std::vector<Annotation>& annotations,
                        oci::BlobStore& blobs) {
  if (target.platforms.empty()) return write_image(target.result, results, epoch, annotations, std::nullopt, blobs);
  AssembledImage image;
  oci::Index index;
  for (const PlannedPlatform& each : target.platforms) {
    AssembledImage written = write_image(each.result, results, epoch, annotations, each.platform, blobs);
    written.manifest.platform = each.platform;
    if (index.manifests.empty()) image.config = std::move(written.config);
    index.manifests.push_back(std::move(written.manifest));
  }
  index.annotations = annotations_at(Annotation::Place::index, annotations, std::nullopt);
  image.manifest = oci::write_blob(blobs, oci::kIndexType, oci::to_json(index));
  image.id = image.manifest.digest;
  image.manifest.annotations = annotations_at(Annotation::Place::index_descriptor, annotations, std::nullopt);
  return image;
}

}  // namespace cooper::builder
