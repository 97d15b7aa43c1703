// Everything beneath one directory of a tree, chosen by a guide: what COPY of a directory selects.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "layers/entry.h"

namespace cooper::layers {

// What to do with one path. A directory that is descended into but not taken appears only if
// something beneath it is taken ("implied"; COPY-32, COPY-35). Not a directory: `descend` means
// nothing.
struct WalkChoice {
  bool take = true;
  bool descend = true;
};

// Thread-safe. `relative` is seen from the directory that is walked, and never the root.
class WalkGuide {
 public:
  virtual ~WalkGuide() = default;
  virtual WalkChoice choose(const TreePath& relative, bool is_directory) const = 0;
  // Whether files need not be opened for what only their opening tells: whoever writes or digests
  // what was found will do it (Entry::unread).
  virtual bool leaves_unread() const { return false; }
};

struct Walked {
  // Sorted by TreePath order, paths relative to the directory. Of the names of one file, the first
  // has link_target empty and the others name it there, relative too.
  std::vector<Entry> entries;
  std::vector<std::size_t> implied;  // indices of implied directories, ascending

  const Entry* find(const TreePath& path) const;  // null: not taken
  Entry* find(const TreePath& path) { return const_cast<Entry*>(std::as_const(*this).find(path)); }
};

}  // namespace cooper::layers
