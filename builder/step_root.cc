#include "builder/step_root.h"

#include <algorithm>

#include "base/error.h"
#include "layers/apply.h"
#include "layers/overlay.h"

namespace cooper::builder {
namespace {

// Copies kept for steps to come: each takes the room of a whole root.
constexpr std::size_t kIdleCopies = 2;

// The upper directory's own metadata is what the merged root shows.
void prepare_upper(const Dir& scratch, const layers::Entry& root, const layers::StandInSeal& seal) {
  const TreePath upper = TreePath::clean("upper");
  scratch.make_dir(upper, 0755);
  layers::set_directory(scratch.subdir(upper), root, seal);
  scratch.make_dir(TreePath::clean("work"), 0700);
}

bool has_hard_links(const layers::Table& table) {
  return std::ranges::any_of(table.entries(), [](const layers::Entry& entry) { return entry.type == layers::EntryType::hard_link; });
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
    prepare_upper(scratch_.dir(), *below_->find(TreePath()), layers::StandInSeal(roots.trees_.secret()));
  }

  const TempDir& scratch() const override { return scratch_; }

  UniqueFd mount() override {
    const std::string home = scratch_.host_path();
    StackMount mounted = roots_.storage_.mount(lowers_, home + "/upper", home + "/work");
    server_ = std::move(mounted.server);
    if (!server_) mounted_ = mounted.fd.duplicate();
    return std::move(mounted.fd);
  }

  void finish(const std::stop_token& stop) override {
    if (server_) server_->finish(stop);
    // A step can send a descriptor of its root to a process that outlives it. The upper directory becomes a layer and a tree
    // of the store, so that way ends here.
    if (mounted_) layers::end_writes(mounted_, stop);
  }

  void write_layer(layers::DiffOptions options, layers::LayerWriter& writer) override {
    options.hiding = roots_.storage_.hiding();
    layers::write_diff(scratch_.dir().subdir(upper_), *below_, layers::StandInSeal(roots_.trees_.secret()), options,
                       writer);
  }

  // The upper directory is the layer's tree. fuse-overlayfs needs one without hard links (layers/apply.h): it is unpacked.
  void keep(const LayerStack& rootfs, const std::vector<TreePath>& stripped) override {
    if (server_ && has_hard_links(*roots_.materializer_.table(rootfs.layers().back()))) return;
    if (!layers::strip_xattrs(scratch_.dir().subdir(upper_), stripped)) return;
    roots_.materializer_.adopt_tree(rootfs, std::move(scratch_), upper_);
  }

 private:
  StepRoots& roots_;
  std::vector<std::string> lowers_;
  std::shared_ptr<const layers::Tree> below_;
  TempDir scratch_;
  std::unique_ptr<layers::FuseOverlay> server_;  // null: the kernel
  UniqueFd mounted_;                             // then
  const TreePath upper_ = TreePath::clean("upper");
};

class StepRoots::CopyRoot : public StepRoot {
 public:
  CopyRoot(StepRoots& roots, const LayerStack& parent, const std::stop_token& stop)
      : roots_(roots), scratch_(roots.materializer_.new_tree()), held_(roots.take_copy(parent)) {
    with_context([] { return "copying the root of a step"; }, [&] { prepare(parent, stop); });
  }

  const TempDir& scratch() const override { return scratch_; }
  UniqueFd mount() override {
    return roots_.storage_.mount_path(cat(held_->place.host_path(), "/", layers::WholeCopy::kRoot));
  }
  void finish(const std::stop_token&) override {}
  void write_layer(layers::DiffOptions options, layers::LayerWriter& writer) override {
    held_->files.write_changes(options, writer);
  }
  void keep(const LayerStack& rootfs, const std::vector<TreePath>&) override {
    held_->rootfs = rootfs;
    held_->settled = false;
    roots_.put_back(std::move(held_));
  }

 private:
  void prepare(const LayerStack& parent, const std::stop_token& stop) {
    Materializer& materializer = roots_.materializer_;
    if (held_ && !held_->settled) {
      held_->files.settle(materializer.metadata(held_->rootfs));
      held_->settled = true;
    }
    if (held_ && held_->rootfs.chain() == parent.chain()) return;
    if (!held_) {
      TempDir place = materializer.new_tree();
      layers::WholeCopy files(place.dir(), layers::StandInSeal(roots_.trees_.secret()));
      held_.reset(new Copy{{}, std::move(place), std::move(files)});
    }
    held_->files.become(materializer.files(parent, stop), stop);
    held_->rootfs = parent;
  }

  StepRoots& roots_;
  TempDir scratch_;
  std::unique_ptr<Copy> held_;
};

std::unique_ptr<StepRoot> StepRoots::open(const LayerStack& parent, std::stop_token stop) {
  if (storage_.snapshotter() == Snapshotter::copy) return std::make_unique<CopyRoot>(*this, parent, std::move(stop));
  return std::make_unique<OverlayRoot>(*this, parent, std::move(stop));
}

std::unique_ptr<StepRoots::Copy> StepRoots::take_copy(const LayerStack& parent) {
  return idle_.with([&](auto& idle) -> std::unique_ptr<Copy> {
    const auto nearest = std::ranges::max_element(
        idle, {}, [&](const auto& copy) { return common_layers(copy->rootfs, parent); });
    if (nearest == idle.end() || common_layers((*nearest)->rootfs, parent) == 0) return nullptr;
    auto taken = std::move(*nearest);
    idle.erase(nearest);
    return taken;
  });
}

void StepRoots::put_back(std::unique_ptr<Copy> copy) {
  std::unique_ptr<Copy> oldest;  // removed without holding up others
  idle_.with([&](auto& idle) {
    idle.push_back(std::move(copy));
    if (idle.size() <= kIdleCopies) return;
    oldest = std::move(idle.front());
    idle.erase(idle.begin());
  });
}

}  // namespace cooper::builder
