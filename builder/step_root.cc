#include "builder/step_root.h"

#include <algorithm>

#include "base/error.h"

namespace cooper::builder {
namespace {

const char* const kRootName = "root";

// The upper directory's own metadata is what the merged root shows.
void prepare_upper(const Dir& scratch, const layers::Entry& root) {
  const TreePath upper = TreePath::clean("upper");
  scratch.make_dir(upper, 0755);
  scratch.set_owner(upper, root.uid, root.gid);
  scratch.set_mode(upper, root.mode);
  scratch.set_mtime(upper, root.mtime);
  scratch.make_dir(TreePath::clean("work"), 0700);
}

// How many layers from the bottom both have.
std::size_t common_layers(const LayerStack& a, const LayerStack& b) {
  const auto [end, other] = std::ranges::mismatch(a.chains(), b.chains());
  return static_cast<std::size_t>(end - a.chains().begin());
}

}  // namespace

class StepRoots::OverlayRoot : public StepRoot {
 public:
  OverlayRoot(StepRoots& roots, const LayerStack& parent, std::stop_token stop)
      : roots_(roots),
        lowers_(roots.materializer_.lower_paths(parent, std::move(stop))),
        below_(roots.materializer_.metadata(parent)),
        scratch_(roots.materializer_.new_tree()) {
    prepare_upper(scratch_.dir(), *below_->find(TreePath()));
  }

  const TempDir& scratch() const override { return scratch_; }

  UniqueFd mount() override {
    const std::string home = scratch_.host_path();
    return roots_.storage_.mount(lowers_, home + "/upper", home + "/work");
  }

  void write_layer(const layers::DiffOptions& options, layers::LayerWriter& writer) override {
    layers::write_diff(scratch_.dir().subdir(upper_), *below_, layers::StandInSeal(roots_.store_.secret()), options,
                       writer);
  }

  // The upper directory is the layer's tree.
  void keep(const LayerStack& rootfs) override {
    roots_.materializer_.adopt_tree(rootfs, std::move(scratch_), upper_);
  }

 private:
  StepRoots& roots_;
  std::vector<std::string> lowers_;
  std::shared_ptr<const layers::Tree> below_;
  TempDir scratch_;
  const TreePath upper_ = TreePath::clean("upper");
};

class StepRoots::CopyRoot : public StepRoot {
 public:
  CopyRoot(StepRoots& roots, const LayerStack& parent, std::stop_token stop)
      : roots_(roots), scratch_(roots.materializer_.new_tree()), held_(roots.take_copy(parent)) {
    if (held_ && held_->rootfs.chain() == parent.chain()) return;
    if (!held_) {
      TempDir place = roots.materializer_.new_tree();
      place.dir().make_dir(TreePath::clean(kRootName), 0700);
      const Dir root = place.dir().subdir(TreePath::clean(kRootName));
      held_.reset(new IdleCopy{{}, std::move(place), {root, layers::StandInSeal(roots.store_.secret())}});
    }
    with_context([] { return "copying the root of a step"; },
                 [&] { held_->copy.become(roots.materializer_.files(parent, std::move(stop))); });
  }

  const TempDir& scratch() const override { return scratch_; }
  UniqueFd mount() override { return roots_.storage_.mount_path(cat(held_->place.host_path(), "/", kRootName)); }
  void write_layer(const layers::DiffOptions& options, layers::LayerWriter& writer) override {
    held_->copy.write_changes(options, writer);
  }
  void keep(const LayerStack& rootfs) override {
    held_->copy.settle(roots_.materializer_.metadata(rootfs));
    held_->rootfs = rootfs;
    roots_.idle_.with([&](auto& idle) { idle.push_back(std::move(held_)); });
  }

 private:
  StepRoots& roots_;
  TempDir scratch_;
  std::unique_ptr<IdleCopy> held_;
};

std::unique_ptr<StepRoot> StepRoots::open(const LayerStack& parent, std::stop_token stop) {
  if (storage_.overlay_refusal().empty()) return std::make_unique<OverlayRoot>(*this, parent, std::move(stop));
  return std::make_unique<CopyRoot>(*this, parent, std::move(stop));
}

// The one that needs the least rewriting; null when none has a layer of `parent`.
std::unique_ptr<StepRoots::IdleCopy> StepRoots::take_copy(const LayerStack& parent) {
  return idle_.with([&](auto& idle) -> std::unique_ptr<IdleCopy> {
    const auto nearest = std::ranges::max_element(
        idle, {}, [&](const auto& copy) { return common_layers(copy->rootfs, parent); });
    if (nearest == idle.end() || common_layers((*nearest)->rootfs, parent) == 0) return nullptr;
    auto taken = std::move(*nearest);
    idle.erase(nearest);
    return taken;
  });
}

}  // namespace cooper::builder
