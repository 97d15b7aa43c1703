// Where fetched content is kept: one uncompressed layer each, under a record that names the content itself (a commit, a
// digest), never the place it came from. A layer that is gone is a miss. Thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "builder/plan.h"
#include "cache/store.h"
#include "layers/layer_writer.h"

namespace cooper::builder {

class SourceStore {
 public:
  explicit SourceStore(cache::Store& store) : store_(store) {}

  // record: canonical text, equal for equal content.
  std::optional<PlannedLayer> find(const std::string& record);
  // The layer that `write` makes, unless the record has one already.
  PlannedLayer make(const std::string& record, const std::function<void(layers::LayerWriter&)>& write);
  // Held while something is fetched, so that concurrent builds fetch it once.
  std::unique_ptr<cache::StepLock> lock(const std::string& record, std::stop_token stop);

  cache::Store& store() noexcept { return store_; }

 private:
  cache::Store& store_;
};

}  // namespace cooper::builder
