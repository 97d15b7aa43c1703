#include <map>

#include "base/error.h"
#include "layers/copy.h"

namespace cooper::layers {
namespace {

class MemoryTree : public Tree {
 public:
  MemoryTree(std::vector<std::pair<std::string, std::string>>&& files, Timestamp mtime) {
    add_directory(TreePath(), mtime);
    for (auto& [name, content] : files) {
      Node node;
      node.entry.path = TreePath::clean(name);
      if (node.entry.path.is_root())
        throw Error(Errc::invalid, cat("\"", name, "\" names no file"));
      node.entry.mode = 0644;
      node.entry.mtime = mtime;
      node.entry.size_bytes = content.size();
      node.entry.content = oci::ContentDigest{oci::sha256(std::string_view(content))};
      node.content = std::move(content);
      add_directory(node.entry.path.parent(), mtime);
      nodes_.insert_or_assign(node.entry.path, std::move(node));
    }
  }

  std::optional<Entry> find(const TreePath& path) const override {
    const auto node = nodes_.find(path);
    if (node == nodes_.end()) return std::nullopt;
    return node->second.entry;
  }

  std::vector<Entry> children(const TreePath& directory) const override {
    std::vector<Entry> all;
    for (auto node = nodes_.upper_bound(directory);
         node != nodes_.end() && directory.contains(node->first); ++node) {
      if (node->first.parent() == directory) all.push_back(node->second.entry);
    }
    return all;
  }

  std::unique_ptr<ByteSource> open(const Entry& file) const override {
    return std::make_unique<MemorySource>(file_at(file.path).content);
  }

  FileContent content_of(const Entry& file) const override {
    return {file_at(file.path).entry.content.value(), {}};
  }

 private:
  struct Node {
    Entry entry;
    std::string content;
  };

  void add_directory(const TreePath& path, Timestamp mtime) {
    if (nodes_.contains(path)) return;
    if (!path.is_root()) add_directory(path.parent(), mtime);
    Node node;
    node.entry.path = path;
    node.entry.type = EntryType::directory;
    node.entry.mode = 0755;
    node.entry.mtime = mtime;
    nodes_.emplace(path, std::move(node));
  }

  const Node& file_at(const TreePath& path) const {
    const auto node = nodes_.find(path);
    if (node == nodes_.end() || node->second.entry.type != EntryType::file) {
      throw Error(Errc::not_found, cat(path.absolute(), " is not a file in memory"));
    }
    return node->second;
  }

  std::map<TreePath, Node> nodes_;
};

}  // namespace

std::shared_ptr<const Tree> memory_tree(
    std::vector<std::pair<std::string, std::string>> name_and_content, Timestamp mtime) {
  return std::make_shared<MemoryTree>(std::move(name_and_content), mtime);
}

}  // namespace cooper::layers
