// How Dir turns a TreePath into a descriptor. Private to base: everybody else uses Dir.
//
// Results carry an errno instead of throwing, because Dir decides per call whether absence is an
// error, and only Dir knows the names that belong into a message.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/dir.h"
#include "base/tree_path.h"
#include "base/unique_fd.h"

namespace cooper::dir_resolve {

struct Opened {
  UniqueFd fd;
  int errnum = 0;  // 0: fd is open
};

// Where an *at call acts: (fd, name). Valid while the root descriptor and the TreePath it was made
// from live. The root of the tree is (root, ".").
struct Place {
  int errnum = 0;
  UniqueFd owned;  // open when the parent is not the root itself
  int fd = -1;
  const char* name = nullptr;
};

// Opens path (its last component is never followed) with open(2) flags; O_NOFOLLOW and O_CLOEXEC
// are added.
Opened open(int root, Confine confine, const TreePath& path, int flags, mode_t mode);

Place find_place(int root, Confine confine, const TreePath& path);

// Opens path as an O_PATH directory, following the last component as the confinement allows.
Opened open_directory(int root, Confine confine, const std::string& path);

struct Resolved {
  TreePath path;
  int errnum = 0;
};
// Follows every component; path names what was found without any link in it.
Resolved follow(int root, Confine confine, const TreePath& path);

}  // namespace cooper::dir_resolve
