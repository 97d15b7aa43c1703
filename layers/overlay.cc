#include "layers/overlay.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/stop.h"
#include "layers/mount_context.h"

namespace cooper::layers {
namespace {

// What mount(2) copies of its options, at most.
constexpr std::size_t kMountOptionsBytes = 4095;

std::atomic<bool> new_api_allowed{true};

// One directory of the stack. The kernel is given the descriptor's name instead of the path: no
// character of it needs escaping, it is short, and the host's paths do not show in a step's
// /proc/self/mountinfo.
struct Layer {
  const char* role;
  std::string path;
  UniqueFd fd;
  std::string name() const { return cat("/proc/self/fd/", fd.get()); }
};

Layer open_layer(const char* role, const std::string& path) {
  Layer layer{role, path, UniqueFd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC))};
  if (!layer.fd) throw_errno(cat("opening overlay ", role), path);
  return layer;
}

// The paths a mount is made of: an overlay wants at least one lower directory, and two without an
// upper one.
std::vector<std::string> lower_paths(const OverlayLayers& layers) {
  std::vector<std::string> paths = layers.lower_paths;
  const std::size_t wanted = layers.upper_path.empty() ? 2 : 1;
  if (paths.size() < wanted) paths.push_back(layers.empty_dir);
  return paths;
}

struct Stack {
  std::vector<Layer> lowers;
  std::optional<Layer> upper;
  std::optional<Layer> work;
  std::string described() const {
    return cat("of ", lowers.size(), " layers", upper ? " below " + upper->path : "");
  }
};

Stack open_stack(const OverlayLayers& layers) {
  Stack stack;
  for (const std::string& path : lower_paths(layers)) {
    stack.lowers.push_back(open_layer("lower directory", path));
  }
  if (layers.upper_path.empty()) return stack;
  stack.upper = open_layer("upper directory", layers.upper_path);
  stack.work = open_layer("work directory", layers.work_path);
  return stack;
}

// An overlay that can't use its work directory is made all the same, read-only, with a warning.
void check_writable(const UniqueFd& mounted, const Stack& stack, const std::string& log) {
  struct statvfs status {};
  if (!stack.upper) return;
  if (::fstatvfs(mounted.get(), &status) != 0) throw_errno("looking at", "an overlay");
  if ((status.f_flag & ST_RDONLY) == 0) return;
  throw SysError(EROFS, cat("mounting an overlay ", stack.described(), ": the work directory ",
                            stack.work->path, " can't be used", log));
}

// nullopt: the kernel (or a seccomp filter) has no fsopen, or no lowerdir+ (Linux 6.5).
std::optional<UniqueFd> try_new_api(const Stack& stack) {
  const MountContext context = MountContext::open("overlay");
  if (!context) return std::nullopt;  // mount(2) repeats and names any other reason
  const auto take = [&](const char* key, const Layer& layer) {
    return context.try_set(key, layer.name(), cat(layer.role, " ", layer.path));
  };
  for (const Layer& layer : stack.lowers) {
    if (!take("lowerdir+", layer)) return std::nullopt;
  }
  if (stack.upper) {
    if (!take("upperdir", *stack.upper) || !take("workdir", *stack.work)) return std::nullopt;
    context.set_flag("volatile");
  }
  context.set("source", "overlay");
  context.set_flag("userxattr");
  context.set("index", "off");
  context.set("redirect_dir", "nofollow");
  context.set("metacopy", "off");
  UniqueFd mounted = context.mount(stack.described());
  check_writable(mounted, stack, context.log());
  return mounted;
}

std::string mount_options(const Stack& stack) {
  std::string options = "lowerdir=";
  for (std::size_t i = 0; i < stack.lowers.size(); ++i) {
    options.append(i == 0 ? "" : ":").append(stack.lowers[i].name());
  }
  if (stack.upper) {
    options.append(",upperdir=").append(stack.upper->name());
    options.append(",workdir=").append(stack.work->name()).append(",volatile");
  }
  options.append(",userxattr,index=off,redirect_dir=nofollow,metacopy=off");
  if (options.size() <= kMountOptionsBytes) return options;
  throw Error(Errc::unsupported, cat("an overlay of ", stack.lowers.size(),
                                     " layers: the kernel takes 500 at most, before Linux 6.5 "
                                     "(lowerdir+) about 200"));
}

// A directory that exists while something is mounted on it.
class MountPoint {
 public:
  explicit MountPoint(const std::string& parent) : path_(parent + "/overlay-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) throw_errno("making a mount point", path_);
  }
  MountPoint(const MountPoint&) = delete;
  MountPoint& operator=(const MountPoint&) = delete;
  ~MountPoint() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
    ::rmdir(path_.c_str());
  }
  void mount(const std::string& options, const std::string& described) {
    if (::mount("overlay", path_.c_str(), "overlay", MS_NODEV, options.c_str()) != 0) {
      throw_errno("mounting an overlay", described);
    }
    mounted_ = true;
  }
  UniqueFd detached_clone() const {
    UniqueFd fd(::open_tree(AT_FDCWD, path_.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    if (!fd) throw_errno("detaching the overlay at", path_);
    return fd;
  }

 private:
  std::string path_;
  bool mounted_ = false;
};

UniqueFd mount_old_way(const Stack& stack, const std::string& staging_path) {
  const std::string options = mount_options(stack);
  MountPoint point(staging_path);
  point.mount(options, stack.described());
  UniqueFd mounted = point.detached_clone();
  check_writable(mounted, stack, "");
  return mounted;
}

UniqueFd mount_empty(const std::string& empty_dir) {
  UniqueFd fd(::open_tree(AT_FDCWD, empty_dir.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!fd) throw_errno("opening the empty root", empty_dir);
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV;
  if (::mount_setattr(fd.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
    throw_errno("making read-only", empty_dir);
  }
  return fd;
}

}  // namespace

UniqueFd mount_overlay(const OverlayLayers& layers, const std::string& staging_path) {
  if (layers.upper_path.empty() != layers.work_path.empty()) {
    throw Error(Errc::invalid, "an overlay has an upper and a work directory, or neither");
  }
  if (layers.upper_path.empty() && layers.lower_paths.empty()) return mount_empty(layers.empty_dir);
  const Stack stack = open_stack(layers);
  try {
    if (new_api_allowed.load()) {
      if (auto mounted = try_new_api(stack)) return std::move(*mounted);
    }
    return mount_old_way(stack, staging_path);
  } catch (const SysError& error) {
    if (error.errnum() != EINVAL || !stack.upper) throw;
    // All that is left to be wrong is where the directories lie.
    throw Error(error.code(),
                cat(error.message(),
                    " (the file system there can't take what a RUN changes, as overlayfs, "
                    "NFS and some others: give the store another, in a container a volume, by "
                    "COOPER_ROOT)"));
  }
}

bool set_overlay_new_api_allowed(bool allowed) noexcept {
  return new_api_allowed.exchange(allowed);
}

namespace {

// False: something is open for writing. A context of its own for each try, as one that failed once
// only says EBUSY.
bool try_end_writes(const UniqueFd& overlay) {
  const UniqueFd context(::fspick(overlay.get(), "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH));
  if (context && ::fsconfig(context.get(), FSCONFIG_SET_FLAG, "ro", nullptr, 0) == 0) {
    if (::fsconfig(context.get(), FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0) == 0) return true;
    if (errno == EBUSY) return false;
  }
  throw_errno("ending the writes to", "a step's root");
}

}  // namespace

void end_writes(const UniqueFd& overlay, const std::stop_token& stop) {
  constexpr std::chrono::milliseconds kPause{10};
  constexpr int kTries = 200;  // what a process had open may be closed a moment after its end
  for (int i = 0; !try_end_writes(overlay); ++i) {
    if (i == kTries) {
      throw Error(Errc::io,
                  "a file of the step's root is still open for writing, by a process outside the "
                  "step that was given it: nothing says what will be in it");
    }
    end_if_stopped(stop);
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace cooper::layers
