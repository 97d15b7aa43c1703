// Mount points in a step's root: found, made where missing, and taken away again (RUN-06, RUN-11).
// Private to the sandbox.
//
// Symlinks of the image are followed inside the root only, and what a dangling one points to is
// made. Nothing else may change the root while an object of this class works on it: before the step
// starts and after its last process is gone.
#pragma once

#include <sys/stat.h>

#include <map>
#include <string>
#include <vector>

#include "base/dir.h"
#include "base/tree_path.h"
#include "builder/sandbox/identity.h"

namespace cooper::builder {

class MountStubs {
 public:
  // Borrows both.
  MountStubs(const Dir& root, const Identity& identity) : root_(root), identity_(identity) {}
  MountStubs(const MountStubs&) = delete;
  MountStubs& operator=(const MountStubs&) = delete;
  ~MountStubs();  // removes what remove() has not

  struct Target {
    TreePath path;        // no component of it is a symlink, up to `inside`
    TreePath inside;      // an earlier target that holds path; the root when there is none
    bool hidden = false;  // path is inside an earlier target: whoever mounts must make it there
  };
  // The place to mount on. Everything deeper than it is hidden from then on.
  Target prepare(const TreePath& target, bool directory);

  // mkdir -p for a step's working directory, which stays (RUN-06). Ids as the step has them.
  void make_working_dir(const TreePath& path, std::uint32_t uid, std::uint32_t gid);

  // Removes what was made and is still empty, deepest first, and restores the times of the
  // directories around it. Returns what is left.
  std::vector<TreePath> remove();

 private:
  struct Made {
    TreePath path;
    dev_t device = 0;
    ino_t inode = 0;
  };
  struct Times {
    Timestamp before;  // before the first stub was made in it
    Timestamp after;   // after the last
  };

  void make(const TreePath& path, bool directory);
  Target walk(const TreePath& target, bool directory, std::vector<TreePath>* made);
  bool remove_one(const Made& made);
  void restore_times(const std::vector<TreePath>& left, const std::map<TreePath, Timestamp>& seen);

  const Dir& root_;
  const Identity& identity_;
  std::vector<TreePath> targets_;
  std::vector<Made> made_;
  std::map<TreePath, Times> parents_;
};

}  // namespace cooper::builder
