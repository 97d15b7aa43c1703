// A planned target and its steps' results -> an image: config, history, manifest, index (rows IMG-01 … IMG-12).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "builder/executor.h"
#include "builder/plan.h"
#include "oci/blob_store.h"
#include "oci/image.h"

namespace cooper::builder {

// IMG-11: what is written where. `platform` limits those of a manifest to one of several platforms.
struct Annotation {
  enum class Place { manifest, manifest_descriptor, index, index_descriptor };
  Place place = Place::manifest;
  std::optional<oci::Platform> platform;
  std::string key;
  std::string value;
  friend bool operator==(const Annotation&, const Annotation&) = default;
};

// IMG-12: Error for annotations that have no place in what the plan makes. For calling before anything runs.
void check_annotations(const PlannedTarget& target, const std::vector<Annotation>& annotations);

struct AssembledImage {
  oci::Descriptor manifest;  // or the index of several platforms; stored in `blobs`, with all but layers beneath it
  oci::BlobDigest id;        // the image ID: of the config; of the index for several platforms
  oci::ImageConfig config;   // of several platforms the first one's
};

// The image's config as a value; nothing is stored.
oci::ImageConfig make_config(const StageResult& stage, const std::vector<StepResult>& results,
                             const std::optional<std::int64_t>& epoch);

AssembledImage assemble(const PlannedTarget& target, const std::vector<StepResult>& results,
                        const std::optional<std::int64_t>& epoch, const std::vector<Annotation>& annotations,
                        oci::BlobStore& blobs);

}  // namespace cooper::builder
