// A rootfs as a value: the layers beneath a step, bottom first, with the chainID of every prefix.
#pragma once

#include <optional>
#include <vector>

#include "builder/plan.h"
#include "oci/digest.h"

namespace cooper::builder {

class LayerStack {
 public:
  LayerStack() = default;
  explicit LayerStack(const std::vector<PlannedLayer>& bottom_first) {
    for (const PlannedLayer& layer : bottom_first) push(layer);
  }

  void push(const PlannedLayer& layer) {
    chains_.push_back(oci::chain_id(chain(), layer.diff_id));
    layers_.push_back(layer);
  }
  const std::vector<PlannedLayer>& layers() const noexcept { return layers_; }
  // chains()[i] is the identity of layers 0…i.
  const std::vector<oci::ChainId>& chains() const noexcept { return chains_; }
  // nullopt: an empty rootfs.
  std::optional<oci::ChainId> chain() const {
    if (chains_.empty()) return std::nullopt;
    return chains_.back();
  }

 private:
  std::vector<PlannedLayer> layers_;
  std::vector<oci::ChainId> chains_;
};

}  // namespace cooper::builder
