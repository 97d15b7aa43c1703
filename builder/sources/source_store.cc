#include "builder/sources/source_store.h"

#include "builder/layer_identity.h"

namespace cooper::builder {
namespace {

cache::StepKey key_of(const std::string& record) { return {oci::sha256("source " + record)}; }

}  // namespace

std::optional<PlannedLayer> SourceStore::find(const std::string& record) {
  const auto found = store_.find_step(key_of(record));
  if (!found || !found->layer) return std::nullopt;
  return PlannedLayer{found->layer->descriptor, found->layer->diff_id};
}

PlannedLayer SourceStore::make(const std::string& record,
                               const std::function<void(layers::LayerWriter&)>& write) {
  if (auto known = find(record)) return *known;
  layers::CompressionSpec plain;  // read in place (layers/packed_layer.h), and never sent anywhere
  plain.kind = layers::Compression::none;
  layers::LayerWriter writer(store_, plain);
  write(writer);
  layers::WrittenLayer written = std::move(writer).finish();
  store_.put_table(written.diff_id, written.table.serialize());
  note_identity(store_, {written.descriptor, written.diff_id});
  const cache::LayerRecord layer{written.descriptor, written.diff_id};
  store_.put_step(key_of(record), {"source " + record, layer, ""});
  return {written.descriptor, written.diff_id};
}

std::unique_ptr<cache::StepLock> SourceStore::lock(const std::string& record, std::stop_token stop) {
  return store_.lock_step(key_of("lock " + record), std::move(stop));
}

}  // namespace cooper::builder
