#include "builder/layer_identity.h"

#include "base/error.h"

namespace cooper::builder {
namespace {

constexpr const char* kIdentityFact = "blob-diffid";  // blob digest -> diffID

}  // namespace

bool has_known_identity(cache::Store& store, const PlannedLayer& layer) {
  const auto known = store.find_fact(kIdentityFact, layer.descriptor.digest.str());
  if (!known) return false;
  if (*known == layer.diff_id.str()) return true;
  throw Error(Errc::corrupt, cat("layer ", layer.descriptor.digest, ": the layer's diffID is ", *known, ", expected ",
                                 layer.diff_id));
}

void note_identity(cache::Store& store, const PlannedLayer& layer) {
  store.put_fact(kIdentityFact, layer.descriptor.digest.str(), layer.diff_id.str());
}

}  // namespace cooper::builder
