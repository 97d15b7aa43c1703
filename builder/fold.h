// --fold-metadata: the layers of an image without the files that a step only gave another owner, mode or time
// (docs/folding.md). Between execution and assembly: steps, their records and their layers stay what they are; what is
// published has layers of its own, each a function of a step's layer and of what is moved into it or out of it, under a
// record of that.
#pragma once

#include <stop_token>
#include <vector>

#include "builder/executor.h"
#include "builder/materializer.h"
#include "builder/plan.h"
#include "builder/progress.h"
#include "cache/store.h"
#include "layers/compression.h"

namespace cooper::builder {

struct FoldContext {
  cache::Store& store;
  Materializer& materializer;
  Progress& progress;
  layers::CompressionSpec compression;  // of layers that are written anew
};

// What `results` are for assembling the plan's targets. Layers of base images and those that two targets share stay as
// they are.
std::vector<StepResult> fold_metadata(const Plan& plan, const std::vector<StepResult>& results,
                                      const FoldContext& context, const std::stop_token& stop);

// For a build without it: a notice for each RUN that was run now and whose layer mostly repeats files (more than 10 MB,
// more than half of it).
void hint_at_folding(const Plan& plan, const std::vector<StepResult>& results, const FoldContext& context);

}  // namespace cooper::builder
