#include "builder/sandbox/snapshot.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/error.h"
#include "base/mount.h"
#include "builder/sandbox/identity_state.h"
#include "builder/sandbox/step_root_credentials.h"
#include "builder/sandbox/user_namespace.h"
#include "layers/overlay.h"

namespace cooper::builder {
namespace {

void make_dir(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) throw_errno("making", path);
}

// The store as the step's ids see it, mounted at view_path. "" on success, else why the kernel
// refuses id-mapping there.
std::string mount_view(const Identity& identity, const std::string& store_path,
                       const std::string& view_path) {
  const UniqueFd user_namespace = make_step_user_namespace(identity);
  const UniqueFd tree(
      ::open_tree(AT_FDCWD, store_path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree) return SysError(errno, "open_tree").what();
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<std::uint64_t>(user_namespace.get());
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
    return SysError(errno, "mount_setattr").what();
  }
  if (::move_mount(tree.get(), "", AT_FDCWD, view_path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return SysError(errno, "move_mount").what();
  }
  return "";
}

// "/" of an overlay is the root of its top directory: the step's shall be that of the layers below.
// Times last, and before anything is made in it.
void copy_root_metadata(const std::string& from, const std::string& to) {
  struct stat status {};
  if (::stat(from.c_str(), &status) != 0) throw_errno("looking at", from);
  const timespec times[2] = {status.st_atim, status.st_mtim};
  if (::chown(to.c_str(), status.st_uid, status.st_gid) != 0 ||
      ::chmod(to.c_str(), status.st_mode & 07777) != 0 ||
      ::utimensat(AT_FDCWD, to.c_str(), times, 0) != 0) {
    throw_errno("giving the metadata of its parent to", to);
  }
}

// Failures that would befall a copy as well.
bool is_want_of_means(int errnum) {
  return errnum == ENOSPC || errnum == EDQUOT || errnum == EMFILE || errnum == ENFILE ||
         errnum == ENOMEM || errnum == EIO;
}

}  // namespace

UniqueFd open_in_namespace(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_PATH | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) throw_errno("opening", path);
  return fd;
}

struct StepStorage::State {
  const Identity& identity;
  std::string store_path;
  std::string mount_dir;
  std::optional<Mount> view;
  Snapshotter snapshotter;
  std::string overlay_refusal;
  bool no_set_id = false;
  bool no_exec = false;

  // Where path is for the kernel that mounts the step's root.
  std::string seen(const std::string& path) const {
    if (!path.starts_with(store_path + "/")) {
      throw Error(Errc::invalid, cat(path, " is not in the store ", store_path));
    }
    if (!view) return path;
    return view->target() + path.substr(store_path.size());
  }
};

StepStorage::StepStorage(const Identity& identity, std::string store_path, Snapshotter snapshotter)
    : state_(new State{identity, {}, {}, {}, snapshotter, {}, false, false}) {
  while (store_path.size() > 1 && store_path.ends_with('/')) store_path.pop_back();
  state_->store_path = std::move(store_path);
  state_->mount_dir = state_->store_path + "/mnt";
  make_dir(state_->mount_dir);
  make_dir(state_->mount_dir + "/empty");
  if (identity.id_mapped_mounts) {
    const std::string view_path = state_->mount_dir + "/view";
    make_dir(view_path);
    const std::string refused = mount_view(identity, state_->store_path, view_path);
    if (refused.empty()) {
      state_->view.emplace(view_path);
    } else {
      fall_back_to_all_ids(refused);
    }
  }
  if (snapshotter == Snapshotter::automatic) try_overlay();
  if (snapshotter == Snapshotter::fuse_overlayfs) try_fuse();
  look_at_flags();
}

// Many things decide whether there are overlays: the kernel, the file system, where we run. Doing
// it tells.
void StepStorage::try_overlay() {
  state_->snapshotter = Snapshotter::overlay;
  try {
    return mount_nothing();
  } catch (const SysError& refusal) {
    if (is_want_of_means(refusal.errnum())) throw;
    state_->overlay_refusal = refusal.message();
  } catch (const Error& refusal) {
    state_->overlay_refusal = refusal.message();
  }
  state_->snapshotter = Snapshotter::copy;
}

void StepStorage::try_fuse() const {
  if (state_->identity.kind == Identity::Kind::host_root) {
    throw Error(Errc::unsupported,
                "fuse-overlayfs can't be used by root: it has no id-mapped mounts");
  }
  mount_nothing();
}

void StepStorage::mount_nothing() const {
  const TempDir place(Dir::open(state_->mount_dir, Confine::strict), "probe-");
  const std::string home = place.host_path();
  make_dir(home + "/upper");
  make_dir(home + "/work");
  // Stand-ins and opaque directories are told of in attributes; tmpfs has them since Linux 6.6.
  place.dir().set_xattr(TreePath::clean("upper"), "user.cooper.probe", "y");
  StackMount probe = mount({}, home + "/upper", home + "/work");
  probe.fd.reset();
  if (probe.server) probe.server->finish({});
}

// A copy is mounted as the store's file system is: what a mount forbids its programs can be allowed
// again by whoever made the mount, only.
void StepStorage::look_at_flags() {
  struct statvfs status {};
  const UniqueFd clone = mount_path(state_->mount_dir);
  if (::fstatvfs(clone.get(), &status) != 0) throw_errno("looking at", state_->mount_dir);
  state_->no_exec = (status.f_flag & ST_NOEXEC) != 0;
  if (state_->snapshotter != Snapshotter::copy) return;
  if (state_->no_exec) {
    throw Error(
        Errc::denied,
        cat("RUN steps work in copies of their root here, and no program can be run on the file "
            "system of ",
            state_->store_path,
            " (it is mounted with noexec): give the store "
            "another place by COOPER_ROOT, or them one by --scratch"));
  }
  state_->no_set_id = (status.f_flag & ST_NOSUID) != 0;
}

bool StepStorage::no_exec() const {
  return state_->no_exec;
}

bool StepStorage::no_set_id() const {
  return state_->no_set_id;
}

Snapshotter StepStorage::snapshotter() const {
  return state_->snapshotter;
}

layers::Hiding StepStorage::hiding() const {
  switch (state_->snapshotter) {
    case Snapshotter::fuse_overlayfs:
      return layers::Hiding::named;
    case Snapshotter::copy:
      return layers::Hiding::left_out;
    default:
      return layers::Hiding::marked;
  }
}

const std::string& StepStorage::overlay_refusal() const {
  return state_->overlay_refusal;
}

UniqueFd StepStorage::mount_path(const std::string& path) const {
  UniqueFd clone(
      ::open_tree(AT_FDCWD, state_->seen(path).c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!clone) throw_errno("mounting", path);
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_NODEV;
  attributes.attr_clr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
  const auto change = [&] {
    return ::mount_setattr(clone.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0;
  };
  if (change()) return clone;
  attributes.attr_clr = 0;  // locked: not ours to undo (look_at_flags)
  if (errno != EPERM || !change()) throw_errno("taking devices from", path);
  return clone;
}

StepStorage::StepStorage(StepStorage&&) noexcept = default;
StepStorage::~StepStorage() = default;

StackMount StepStorage::mount(const std::vector<std::string>& lower_paths,
                              const std::string& upper_path, const std::string& work_path) const {
  if (!lower_paths.empty()) copy_root_metadata(lower_paths.front(), upper_path);
  layers::OverlayLayers layers;
  for (const std::string& path : lower_paths) layers.lower_paths.push_back(state_->seen(path));
  layers.upper_path = state_->seen(upper_path);
  layers.work_path = state_->seen(work_path);
  layers.empty_dir = state_->seen(state_->mount_dir + "/empty");
  // The overlay makes its own files with the mounter's ids, which have to exist in the view.
  const StepRootCredentials as_step_root(state_->identity);
  if (state_->snapshotter != Snapshotter::fuse_overlayfs) {
    return {nullptr, layers::mount_overlay(layers, state_->mount_dir)};
  }
  auto server = std::make_unique<layers::FuseOverlay>(layers, state_->store_path);
  UniqueFd mounted = server->take_mount();
  return {std::move(server), std::move(mounted)};
}

// A part can be cloned only from what is attached somewhere (before Linux 6.15): for a moment, in
// our private mount namespace.
StackMount StepStorage::mount_part(const std::vector<std::string>& lower_paths,
                                   const std::string& upper_path, const std::string& work_path,
                                   const TreePath& part) const {
  StackMount whole = mount(lower_paths, upper_path, work_path);
  if (part.is_root()) return whole;
  const TempDir place(Dir::open(state_->mount_dir, Confine::strict), "part-");
  const std::string path = place.host_path();
  if (::move_mount(whole.fd.get(), "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    throw_errno("attaching", "the source of a mount");
  }
  const Mount attached(path);
  const UniqueFd found =
      Dir(std::move(whole.fd), Confine::image, "the source of a mount").open_file(part, O_PATH);
  UniqueFd clone(::open_tree(found.get(), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
  if (!clone) throw_errno("cloning", part.absolute());
  return {std::move(whole.server), std::move(clone)};
}

}  // namespace cooper::builder
