// A step's writable root: a stack of the store's trees under the identity's id mapping.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/dir.h"
#include "base/temp_dir.h"
#include "base/unique_fd.h"
#include "builder/sandbox/identity.h"
#include "layers/apply.h"
#include "layers/fuse_overlay.h"

namespace cooper::builder {

// A file or directory of ours, to be bound into a step. By name: what was opened before the build's
// namespace was entered belongs to the one outside, and can't be mounted. Not followed.
UniqueFd open_in_namespace(const std::string& path);

// Where a step's root comes from: an overlay of the kernel's or of fuse-overlayfs's, or a copy of
// everything. automatic: overlay if it can be had, else copy; fuse-overlayfs loses some metadata
// (docs/sandbox.md), so it has to be asked for.
enum class Snapshotter { automatic, overlay, fuse_overlayfs, copy };

// A stack of trees, mounted. The mount goes before who serves it.
struct StackMount {
  std::unique_ptr<layers::FuseOverlay> server;  // null: the kernel
  UniqueFd fd;                                  // detached
};

// Sees the store (trees/, ingest/) through an id-mapped mount when the identity wants one: the
// kernel then translates owners, and what steps write lands 0-based on disk. One per build;
// thread-safe.
class StepStorage {
 public:
  // Error(denied) where copies could run no program; Error(unsupported), or what went wrong, where
  // fuse-overlayfs is asked for and does not work.
  // store_path: absolute. Makes store_path/mnt, which holds only mount points and an empty
  // directory; what is mounted there is seen in our private mount namespace only. Where the store's
  // file system has no id-mapped mounts, the entered identity falls back to all ids and gains a
  // notice. Not thread-safe; before the runner is used.
  StepStorage(const Identity& identity, std::string store_path,
              Snapshotter snapshotter = Snapshotter::automatic);
  StepStorage(StepStorage&&) noexcept;
  StepStorage& operator=(StepStorage&&) = delete;
  ~StepStorage();
  // Never automatic: what was asked for, or found to work by doing it. Unless it is copy, there are
  // mount() and mount_part().
  Snapshotter snapshotter() const;
  // Why automatic is copy; "" otherwise.
  const std::string& overlay_refusal() const;
  // How the trees that are mounted show what they hide.
  layers::Hiding hiding() const;
  // Set-id bits and file capabilities do nothing in copies: a mount's nosuid that we may not undo.
  bool no_set_id() const;
  // The same of noexec: what of the store is mounted as it is, not as part of an overlay, holds no
  // programs.
  bool no_exec() const;
  // A file or directory below store_path as a detached mount, writable.
  UniqueFd mount_path(const std::string& path) const;
  // lower_paths: absolute paths below store_path, top first. upper and work: absolute, below
  // store_path, existing, empty; upper gets mode, owner and time of the top lower directory, as
  // "/" of the step.
  StackMount mount(const std::vector<std::string>& lower_paths, const std::string& upper_path,
                   const std::string& work_path) const;
  // A file or directory of such a mount, as a detached mount of its own. part: without symlinks;
  // Error(not_found) when it is not there.
  StackMount mount_part(const std::vector<std::string>& lower_paths, const std::string& upper_path,
                        const std::string& work_path, const TreePath& part) const;

 private:
  void try_overlay();
  void try_fuse() const;
  void mount_nothing() const;  // to see whether it can be done
  void look_at_flags();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cooper::builder
