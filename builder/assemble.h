// A plan's result and its steps' results -> an image: config, history, manifest (rows IMG-01 … IMG-09).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "builder/executor.h"
#include "builder/plan.h"
#include "oci/blob_store.h"
#include "oci/image.h"

namespace cooper::builder {

struct AssembledImage {
  oci::Descriptor manifest;  // stored in `blobs`, with its config
  oci::ImageConfig config;
};

// The image's config as a value; nothing is stored.
oci::ImageConfig make_config(const Plan& plan, const std::vector<StepResult>& results,
                             const std::optional<std::int64_t>& epoch);

AssembledImage assemble(const Plan& plan, const std::vector<StepResult>& results,
                        const std::optional<std::int64_t>& epoch, const oci::Annotations& annotations,
                        oci::BlobStore& blobs);

}  // namespace cooper::builder
