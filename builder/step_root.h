// The writable roots of RUN steps: an overlay of the parent's trees, or, where there is none for the store's file system, a
// whole copy (layers/whole_copy.h). Private to the executor.
#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "base/guarded.h"
#include "base/temp_dir.h"
#include "builder/materializer.h"
#include "builder/sandbox/snapshot.h"
#include "layers/diff.h"
#include "layers/layer_writer.h"
#include "layers/whole_copy.h"

namespace cooper::builder {

// Of one step. Gone with it, unless kept.
class StepRoot {
 public:
  virtual ~StepRoot() = default;
  // A directory of the step's own, on the store's file system, for what it needs beside its root.
  virtual const TempDir& scratch() const = 0;
  virtual UniqueFd mount() = 0;  // detached, writable
  // After the process, whatever became of it; nothing of the root is mounted any more. Error(io) when what it wrote may not
  // be there.
  virtual void finish(const std::stop_token& stop) = 0;
  virtual void write_layer(layers::DiffOptions options, layers::LayerWriter& writer) = 0;
  // `rootfs` is what the root holds by now, its top layer as write_layer wrote it: kept for the steps after it.
  // stripped: of the written layer.
  virtual void keep(const LayerStack& rootfs, const std::vector<TreePath>& stripped) = 0;
};

// Thread-safe.
class StepRoots {
 public:
  // trees: the store that holds the materializer's.
  StepRoots(cache::Store& trees, Materializer& materializer, const StepStorage& storage)
      : trees_(trees), materializer_(materializer), storage_(storage) {}

  std::unique_ptr<StepRoot> open(const LayerStack& parent, std::stop_token stop);

 private:
  struct Copy {
    LayerStack rootfs;  // what it holds
    TempDir place;
    layers::WholeCopy files;
    bool settled = true;  // else as a step left it
  };
  class OverlayRoot;
  class CopyRoot;

  // The idle one that needs the least rewriting; null when none has a layer of `parent`.
  std::unique_ptr<Copy> take_copy(const LayerStack& parent);
  void put_back(std::unique_ptr<Copy> copy);

  cache::Store& trees_;
  Materializer& materializer_;
  const StepStorage& storage_;
  Guarded<std::vector<std::unique_ptr<Copy>>> idle_;  // the last used at the end
};

}  // namespace cooper::builder
