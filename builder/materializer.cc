#include "builder/materializer.h"

#include <algorithm>

#include "base/error.h"
#include "builder/layer_identity.h"
#include "layers/apply.h"
#include "layers/packed_layer.h"

namespace cooper::builder {
namespace {

// One lock name per tree, so that two builds that need the same base unpack it once.
cache::StepKey tree_key(const std::string& mapping, const oci::ChainId& chain) {
  return {oci::sha256("tree " + mapping + " " + chain.str())};
}

class BorrowedSource : public ByteSource {
 public:
  explicit BorrowedSource(ByteSource& source) : source_(source) {}
  std::size_t read(std::span<std::byte> into) override { return source_.read(into); }

 private:
  ByteSource& source_;
};

void drain(ByteSource& source) {
  NullSink nowhere;
  copy_all(source, nowhere);
}

std::string layer_name(const PlannedLayer& layer) { return "layer " + layer.descriptor.digest.str(); }

}  // namespace

void Materializer::set_mapping(std::string mapping, layers::Hiding hiding) {
  mapping_ = std::move(mapping);
  hiding_ = hiding;
  trees_ = trees_with(hiding);
  unpacked_.with([](auto& unpacked) { unpacked.clear(); });
}

std::string Materializer::trees_with(layers::Hiding hiding) const {
  switch (hiding) {
    case layers::Hiding::marked: return mapping_;
    case layers::Hiding::named: return mapping_ + "-named";
    case layers::Hiding::left_out: return mapping_ + "-plain";
  }
  return mapping_;
}

bool Materializer::is_confirmed(const PlannedLayer& layer) {
  const bool seen = confirmed_.with([&](auto& confirmed) {
    const auto found = confirmed.find(layer.descriptor.digest);
    return found != confirmed.end() && found->second == layer.diff_id;
  });
  if (seen) return true;
  if (!has_known_identity(store_, layer)) return false;
  mark_confirmed(layer);  // noted again, so that prune keeps it as long as it is used
  return true;
}

void Materializer::mark_confirmed(const PlannedLayer& layer) {
  note_identity(store_, layer);
  confirmed_.with([&](auto& confirmed) { confirmed.insert_or_assign(layer.descriptor.digest, layer.diff_id); });
}

template <class Read>
auto Materializer::read_blob(const oci::Descriptor& blob, Read&& read) {
  const std::unique_ptr<ByteSource> arriving = fetcher_.fetch(blob);
  if (!arriving) return read(store_.open_blob(blob.digest));
  auto made = [&] {
    try {
      return read(std::make_unique<BorrowedSource>(*arriving));
    } catch (const Error& error) {
      if (error.code() != Errc::corrupt && error.code() != Errc::invalid) throw;
      drain(*arriving);  // a transfer that went wrong says more
      throw;
    }
  }();
  drain(*arriving);
  return made;
}

layers::Table Materializer::read(const PlannedLayer& layer) {
  layers::Table table = read_blob(layer.descriptor, [&](std::unique_ptr<ByteSource> blob) {
    return layers::read_table(std::move(blob), {}, layer_name(layer), layer.diff_id);
  });
  mark_confirmed(layer);
  return table;
}

void Materializer::confirm(const LayerStack& stack) {
  for (const PlannedLayer& layer : stack.layers()) {
    if (!is_confirmed(layer)) table(layer);
  }
}

layers::TablePtr Materializer::table(const PlannedLayer& layer) {
  std::optional<layers::Table> fresh;
  if (!is_confirmed(layer)) fresh = read(layer);
  auto known = tables_.with([&](auto& tables) {
    const auto found = tables.find(layer.diff_id);
    return found == tables.end() ? nullptr : found->second;
  });
  if (known) return known;
  auto made = [&]() -> layers::Table {
    if (!fresh) {
      if (const auto file = store_.open_table(layer.diff_id)) {
        if (auto stored = layers::Table::open(*file, "table of " + layer_name(layer))) return std::move(*stored);
      }
      fresh = read(layer);
    }
    store_.put_table(layer.diff_id, fresh->serialize());
    return std::move(*fresh);
  }();
  auto shared = std::make_shared<const layers::Table>(std::move(made));
  return tables_.with([&](auto& tables) { return tables.try_emplace(layer.diff_id, shared).first->second; });
}

void Materializer::remember_table(const PlannedLayer& layer, layers::Table table) {
  store_.put_table(layer.diff_id, table.serialize());
  mark_confirmed(layer);
  auto shared = std::make_shared<const layers::Table>(std::move(table));
  tables_.with([&](auto& tables) { tables.try_emplace(layer.diff_id, std::move(shared)); });
}

void Materializer::adopt_tree(const LayerStack& stack, TempDir tree, const TreePath& inside) {
  trees_store_->put_tree(trees_, *stack.chain(), std::move(tree), inside);
  unpacked_.with([&](auto& unpacked) { unpacked.insert(*stack.chain()); });
}

std::unique_ptr<layers::Tree> Materializer::merge(const LayerStack& stack, std::size_t count,
                                                  bool with_files) {
  std::vector<layers::LayerView> views;
  views.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    layers::LayerView view{table(stack.layers()[i]), std::nullopt};
    if (with_files) view.directory = find_tree(stack.chains()[i]);
    views.push_back(std::move(view));
  }
  return layers::merge_layers(std::move(views));
}

std::shared_ptr<const layers::Tree> Materializer::metadata(const LayerStack& stack) {
  return merge(stack, stack.layers().size(), false);
}

std::shared_ptr<const layers::Tree> Materializer::packed(const LayerStack& stack) {
  std::vector<layers::LayerView> views;
  for (const PlannedLayer& layer : stack.layers()) {
    layers::LayerView view{table(layer), std::nullopt};
    view.open = layers::open_packed(view.table, store_.open_blob_file(layer.descriptor.digest), layer_name(layer));
    views.push_back(std::move(view));
  }
  return layers::merge_layers(std::move(views));
}

std::shared_ptr<const layers::Tree> Materializer::in_blobs(const LayerStack& stack) {
  std::vector<layers::LayerView> views;
  for (const PlannedLayer& layer : stack.layers()) {
    layers::LayerView view{table(layer), std::nullopt};
    view.open = layers::open_in_blob(
        [this, blob = layer.descriptor] {
          auto arriving = fetcher_.fetch(blob);
          return arriving ? std::move(arriving) : store_.open_blob(blob.digest);
        },
        layer_name(layer));
    views.push_back(std::move(view));
  }
  return layers::merge_layers(std::move(views));
}

std::shared_ptr<const layers::Tree> Materializer::files(const LayerStack& stack, std::stop_token stop) {
  ensure_trees(stack, stop);
  return merge(stack, stack.layers().size(), true);
}

std::vector<std::string> Materializer::lower_paths(const LayerStack& stack, std::stop_token stop) {
  ensure_trees(stack, stop);
  std::vector<std::string> paths;
  paths.reserve(stack.chains().size());
  for (const oci::ChainId& chain : stack.chains()) paths.push_back(trees_store_->tree_path(trees_, chain));
  std::reverse(paths.begin(), paths.end());
  return paths;
}

std::optional<Dir> Materializer::find_tree(const oci::ChainId& chain) {
  if (hiding_ == layers::Hiding::left_out) {
    for (const layers::Hiding other : {layers::Hiding::marked, layers::Hiding::named}) {
      if (auto tree = trees_store_->find_tree(trees_with(other), chain)) return tree;
    }
  }
  return trees_store_->find_tree(trees_, chain);
}

void Materializer::ensure_trees(const LayerStack& stack, std::stop_token stop) {
  for (std::size_t i = 0; i < stack.chains().size(); ++i) {
    const oci::ChainId& chain = stack.chains()[i];
    if (unpacked_.with([&](auto& unpacked) { return unpacked.contains(chain); })) continue;
    if (!find_tree(chain)) apply_one(stack, i, stop);
    unpacked_.with([&](auto& unpacked) { unpacked.insert(chain); });
  }
  confirm(stack);
}

void Materializer::apply_one(const LayerStack& stack, std::size_t index, std::stop_token stop) {
  const oci::ChainId& chain = stack.chains()[index];
  const PlannedLayer& layer = stack.layers()[index];
  const auto lock = trees_store_->lock_step(tree_key(trees_, chain), stop);
  if (find_tree(chain)) return;
  TempDir fresh = new_tree();
  const auto below = merge(stack, index, true);
  layers::Applied applied = with_context(
      [&] { return cat("unpacking layer ", index + 1, " of ", stack.layers().size()); },
      [&] {
        return read_blob(layer.descriptor, [&](std::unique_ptr<ByteSource> blob) {
          return layers::apply_verified(std::move(blob), fresh.dir(), layers::StandInSeal(trees_store_->secret()), *below,
                                        layer.diff_id, {}, layer_name(layer), hiding_);
        });
      });
  remember_table(layer, std::move(applied.alone));  // what the layers below added is true upon them only
  trees_store_->put_tree(trees_, chain, std::move(fresh), TreePath());
}

}  // namespace cooper::builder
