#include "layers/tree_layer.h"

#include "base/error.h"

namespace cooper::layers {
namespace {

class LeavingOut : public WalkGuide {
 public:
  explicit LeavingOut(const std::function<bool(const TreePath&)>& leave_out)
      : leave_out_(leave_out) {}
  WalkChoice choose(const TreePath& path, bool) const override {
    const bool taken = !leave_out_ || !leave_out_(path);
    return {taken, taken};
  }

 private:
  const std::function<bool(const TreePath&)>& leave_out_;
};

}  // namespace

void write_tree_layer(const Tree& tree, const TreeLayerOptions& options, LayerWriter& writer) {
  const auto add = [&](const Entry& found) {
    Entry entry = found;
    if (options.amend) options.amend(entry);
    if (entry.type != EntryType::file) {
      writer.add(entry);
      return;
    }
    if (!entry.link_target.empty()) {  // a further name of a file that came before
      entry.type = EntryType::hard_link;
      entry.size_bytes = 0;
      writer.add(entry);
      return;
    }
    const auto content = tree.open(found);
    writer.add(entry, content.get());
  };
  add(tree.find(TreePath()).value());
  const LeavingOut guide(options.leave_out);
  for (const Entry& entry : tree.walk(TreePath(), guide).entries) add(entry);
}

}  // namespace cooper::layers
