// The build context as a Tree: a directory on the host, read through open directory descriptors
// only.
//
// No symlink is ever followed by the kernel here, so nothing that happens in the context while it
// is read can lead outside it. Hard links are recognised by walk() (device and inode); find() and
// children() report each name as a file of its own.
#pragma once

#include "layers/tree.h"

namespace cooper::layers {

class HostTree : public Tree {
 public:
  HostTree(const Dir& root, HostTreeOptions options);

  std::optional<Entry> find(const TreePath& path) const override;
  std::string hidden_by(const TreePath& path) const override;
  std::vector<Entry> children(const TreePath& directory) const override;
  std::unique_ptr<ByteSource> open(const Entry& file) const override;
  std::unique_ptr<FileOpener> opener() const override;
  FileContent content_of(const Entry& file) const override;
  Walked walk(const TreePath& directory, const WalkGuide& guide) const override;

 private:
  bool visible(const TreePath& path, bool is_directory) const;
  std::optional<UniqueFd> open_directory(const TreePath& path) const;

  Dir root_;  // strict, whatever the caller's confinement
  HostTreeOptions options_;
};

}  // namespace cooper::layers
