#include <fcntl.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "builder/sandbox/sandbox_mounts.h"
#include "builder/sandbox/user_namespace.h"

namespace cooper::builder {
namespace {

constexpr long kOverlayMagic = 0x794c7630;  // OVERLAYFS_SUPER_MAGIC

bool is_overlay(int fd) {
  struct statfs status {};
  return ::fstatfs(fd, &status) == 0 && status.f_type == kOverlayMagic;
}

void set_attributes(const UniqueFd& tree, std::uint64_t attributes, const char* what) {
  mount_attr request{};
  request.attr_set = attributes;
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &request, sizeof request) !=
      0) {
    throw_errno("limiting the mount of", what);
  }
}

// As in the rest of a step's root. Not where whoever made the mount locked it
// (StepStorage::no_exec).
void allow_programs(const UniqueFd& tree) {
  mount_attr request{};
  request.attr_clr = MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID;
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &request, sizeof request) !=
          0 &&
      errno != EPERM) {
    throw_errno("allowing programs on", "the step's files");
  }
}

}  // namespace

UniqueFd HostMounts::device(const char* path) {
  UniqueFd tree(::open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree) return tree;
  set_attributes(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, path);
  return tree;
}

UniqueFd HostMounts::read_only_copy(const char* path) {
  UniqueFd tree(::open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
  if (!tree) return tree;
  set_attributes(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
                 path);
  return tree;
}

UniqueFd HostMounts::copy_for_step(int fd, bool read_only) {
  UniqueFd tree(
      ::open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE));
  if (!tree) {
    // Before Linux 6.15 a detached mount can't be copied; it is then used itself, once.
    if (errno != EINVAL) throw_errno("copying", "a mount for the step");
    tree = UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (!tree) throw_errno("duplicating", "a mount for the step");
  }
  allow_programs(tree);
  set_attributes(tree, MOUNT_ATTR_NODEV | (read_only ? MOUNT_ATTR_RDONLY : 0U), "the step's files");
  // An overlay made by StepStorage shows the step's ids already.
  if (!identity_.id_mapped_mounts || is_overlay(tree.get())) return tree;
  user_namespace_.with([&](UniqueFd& user_namespace) {
    if (!user_namespace) user_namespace = make_step_user_namespace(identity_);
    mount_attr request{};
    request.attr_set = MOUNT_ATTR_IDMAP;
    request.userns_fd = static_cast<std::uint64_t>(user_namespace.get());
    // EPERM: id-mapped already. EINVAL: a file system that can't be; the step then sees its files
    // as nobody's, which is enough to read what everybody may.
    if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &request, sizeof request) !=
            0 &&
        errno != EPERM && errno != EINVAL) {
      throw_errno("mapping the owners of", "a mount for the step");
    }
  });
  return tree;
}

}  // namespace cooper::builder
