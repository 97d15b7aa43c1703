// Which diffID a blob truly has. A manifest and a config only claim it, and keys, trees and tables are found by it: a
// claim that nobody checked would let one image answer for another.
#pragma once

#include "builder/plan.h"
#include "cache/store.h"

namespace cooper::builder {

// Was the blob seen to have the diffID that the layer says? Error(corrupt) when it was seen to have another.
bool has_known_identity(cache::Store& store, const PlannedLayer& layer);

// For who has hashed the blob's uncompressed bytes, or uses what is known: prune forgets what was not noted for long.
void note_identity(cache::Store& store, const PlannedLayer& layer);

}  // namespace cooper::builder
