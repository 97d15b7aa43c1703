#include "builder/tree_file.h"

namespace cooper::builder {
namespace {

constexpr std::size_t kLimitBytes = 64 << 20;

}  // namespace

std::optional<std::string> read_tree_file(const layers::Tree& tree, const TreePath& path) {
  const auto target = layers::resolve(tree, path, true);
  if (!target) return std::nullopt;
  const auto entry = tree.find(*target);
  if (!entry || entry->type != layers::EntryType::file) return std::nullopt;
  return read_all(*tree.open(*entry), kLimitBytes, path.absolute());
}

}  // namespace cooper::builder
