// Brings layers only as far as somebody needs them: elsewhere -> blob -> table, or -> tree (a directory usable as an
// overlay lower directory). Everything is kept in the store, so the next build finds it. Thread-safe; work on one tree is
// done once across threads and processes.
//
// A layer is used under the diffID that its image claims only once its blob was seen to have it (layer_identity.h):
// otherwise Error(corrupt), before anything is kept.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/byte_stream.h"
#include "base/guarded.h"
#include "builder/layer_stack.h"
#include "cache/store.h"
#include "layers/apply.h"
#include "layers/tree.h"

namespace cooper::builder {

// Whoever knows where a base layer's blob can be had. Implementations are thread-safe.
class LayerFetcher {
 public:
  virtual ~LayerFetcher() = default;
  // Afterwards the store holds the blob, verified. Error(not_found) names a layer that nobody has.
  virtual void ensure_blob(const oci::Descriptor& blob) = 0;
  // The bytes of a blob that the store lacks, as they arrive; once read to their end (where a wrong digest is told) the
  // store holds them, or they can be read again where they are. Null: the store has the blob now.
  virtual std::unique_ptr<ByteSource> fetch(const oci::Descriptor& blob) {
    ensure_blob(blob);
    return nullptr;
  }
};

class Materializer {
 public:
  Materializer(cache::Store& store, LayerFetcher& fetcher) : store_(store), trees_store_(&store), fetcher_(fetcher) {}

  // Another store for trees alone (tree_place.h).
  void keep_trees_in(cache::Store& store) { trees_store_ = &store; }
  // Names the trees for our id mapping ("" until the build's namespace is entered). Those with other marks than
  // overlayfs's, or without, are kept apart. Without (left_out) they do for readers, as all others do too.
  void set_mapping(std::string mapping, layers::Hiding hiding = layers::Hiding::marked);
  const std::string& mapping() const noexcept { return mapping_; }

  layers::TablePtr table(const PlannedLayer& layer);
  // Sees to it that each layer has the diffID it is said to have: needed before what is known of a chain is used.
  void confirm(const LayerStack& stack);
  // Of a layer whose bytes we wrote or hashed.
  void remember_table(const PlannedLayer& layer, layers::Table table);
  // Publishes a directory that already holds what the top layer of `stack` is (a RUN's upper directory).
  void adopt_tree(const LayerStack& stack, TempDir tree, const TreePath& inside);
  TempDir new_tree() { return trees_store_->new_tree(trees_); }
  // Metadata only: open() on its files fails.
  std::shared_ptr<const layers::Tree> metadata(const LayerStack& stack);
  // Metadata, and files out of the layers' blobs, each read up to the file: for the odd one (ADD of an archive that links to
  // it). Nothing is unpacked, no namespace is needed.
  std::shared_ptr<const layers::Tree> in_blobs(const LayerStack& stack);
  // With the files of layers that are read in place (fetched sources): nothing is unpacked, no namespace is needed.
  std::shared_ptr<const layers::Tree> packed(const LayerStack& stack);
  // With the files. Needs the build's namespace.
  std::shared_ptr<const layers::Tree> files(const LayerStack& stack, std::stop_token stop);
  // Directories of the whole stack, top first, absolute, for an overlay. Needs the build's namespace.
  std::vector<std::string> lower_paths(const LayerStack& stack, std::stop_token stop);

 private:
  std::string trees_with(layers::Hiding hiding) const;
  bool is_confirmed(const PlannedLayer& layer);
  void mark_confirmed(const PlannedLayer& layer);
  layers::Table read(const PlannedLayer& layer);
  // What read makes of the layer's blob while it is fetched, or out of the store.
  template <class Read>
  auto read_blob(const oci::Descriptor& blob, Read&& read);
  std::optional<Dir> find_tree(const oci::ChainId& chain);
  void ensure_trees(const LayerStack& stack, std::stop_token stop);
  void apply_one(const LayerStack& stack, std::size_t index, std::stop_token stop);
  std::unique_ptr<layers::Tree> merge(const LayerStack& stack, std::size_t count, bool with_files);

  cache::Store& store_;
  cache::Store* trees_store_;
  LayerFetcher& fetcher_;
  std::string mapping_;
  std::string trees_;
  layers::Hiding hiding_ = layers::Hiding::marked;
  Guarded<std::unordered_map<oci::DiffId, layers::TablePtr>> tables_;
  Guarded<std::unordered_map<oci::BlobDigest, oci::DiffId>> confirmed_;
  // Trees this build has seen or made: they stay as long as it runs, so that a step need not look at each of its layers.
  Guarded<std::unordered_set<oci::ChainId>> unpacked_;
};

}  // namespace cooper::builder
