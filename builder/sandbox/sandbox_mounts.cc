#include "builder/sandbox/sandbox_mounts.h"

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"
#include "builder/sandbox/network_files.h"
#include "builder/sandbox/step_root_credentials.h"
#include "builder/sandbox/user_namespace.h"

namespace cooper::builder {
namespace {

using Kind = SetupOperation::Kind;

constexpr std::uint64_t kPassive = MS_NOSUID | MS_NODEV | MS_NOEXEC;
constexpr std::uint32_t kTtyGid = 5;  // as everywhere, pts(4)

constexpr const char* kDevices[] = {"null", "zero", "full", "random", "urandom", "tty"};
struct Link {
  const char* name;
  const char* target;
};
constexpr Link kDeviceLinks[] = {
    {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"},      {"ptmx", "pts/ptmx"},
};

// Docker's lists. What tells about, or reaches, the whole machine.
constexpr const char* kMaskedInProc[] = {"acpi",       "asound",        "interrupts",  "kcore",
                                         "keys",       "latency_stats", "sched_debug", "scsi",
                                         "timer_list", "timer_stats"};
constexpr const char* kMaskedInSys[] = {"firmware", "devices/virtual/powercap"};
constexpr const char* kProtectedInProc[] = {"bus", "fs", "irq", "sys", "sysrq-trigger"};

// The order of the calls below is the order in which the step's first process acts.
class Planner {
 public:
  explicit Planner(const SandboxParts& parts) : parts_(parts) {}

  void prepare_process();
  void enter_root(UniqueFd root);
  void mount_devices();
  void restrict_kernel_files();
  void mount_generated_files();
  void mount_requested();
  SetupProgram take() { return std::move(program_); }

 private:
  std::string standard_dir(const char* name);
  void mount_sys();
  void mount_cgroup();
  std::uint64_t generated_bytes() const;
  UniqueFd write_memory_file(const StepMount& mount, std::size_t index);
  MountStubs::Target place_for(const StepMount& mount, bool directory);
  void make_hidden(const MountStubs::Target& target, bool directory);
  void mount_tmpfs(const StepMount& mount);
  void mount_bind(const StepMount& mount);

  const SandboxParts& parts_;
  SetupProgram program_;
  std::string proc_;
  std::string sys_;
  std::string dev_;
  std::vector<UniqueFd> memory_files_;  // one per requested mount; those of other kinds are empty
};

void Planner::prepare_process() {
  const FileUser root = step_root_user(parts_.identity);
  if (root.uid != 0 || root.gid != 0) program_.act_as(root.uid, root.gid);
  program_.on_path(Kind::set_hostname, "",
                   parts_.request.hostname.empty() ? "localhost" : parts_.request.hostname);
  for (const LimitPlan& limit : parts_.limits) {
    program_.add({.kind = Kind::raise_hard_limit,
                  .flags = static_cast<std::uint64_t>(limit.resource),
                  .number = limit.hard});
  }
}

// Where the image has it: a link may lead to another place, but not into one of the others.
std::string Planner::standard_dir(const char* name) {
  const MountStubs::Target target = parts_.stubs.prepare(TreePath::clean(name), true);
  std::string path = target.path.absolute();
  const bool taken = path == proc_ || path == sys_ || target.path.is_root();
  if (target.hidden || taken) {
    throw Error(Errc::invalid,
                cat("/", name, " of the image leads to ", path, ", where it cannot be mounted"));
  }
  return path;
}

void Planner::enter_root(UniqueFd root) {
  program_.attach_root(std::move(root), parts_.staging_path);
  proc_ = standard_dir("proc");
  sys_ = standard_dir("sys");
  dev_ = standard_dir("dev");
  program_.mount("proc", proc_, kPassive);
  mount_sys();
  program_.on_path(Kind::pivot, parts_.staging_path);
  program_.on_path(Kind::drop_old_root, "");
  mount_cgroup();
}

// A sysfs of the step's own shows its network namespace; making one takes power over that
// namespace.
void Planner::mount_sys() {
  const bool host_root = parts_.identity.kind == Identity::Kind::host_root;
  const bool own_network = parts_.request.network == Network::none;
  UniqueFd copy = host_root ? UniqueFd() : HostMounts::read_only_copy("/sys");
  if (host_root || own_network) {
    program_.mount("sysfs", sys_, kPassive | MS_RDONLY, "", std::move(copy));
  } else if (copy) {
    program_.attach(std::move(copy), sys_);
  }
}

void Planner::mount_cgroup() {
  struct statfs status {};
  if (::statfs("/sys/fs/cgroup", &status) != 0) return;
  const std::string target = sys_ + "/fs/cgroup";
  if (status.f_type == CGROUP2_SUPER_MAGIC) {
    program_.mount("cgroup2", target, kPassive | MS_RDONLY, "",
                   HostMounts::read_only_copy("/sys/fs/cgroup"));
  } else if (status.f_type == TMPFS_MAGIC) {  // version 1: one mount per controller
    program_.attach(HostMounts::read_only_copy("/sys/fs/cgroup"), target);
  }
}

void Planner::mount_devices() {
  const std::string& dev = dev_;
  program_.mount("tmpfs", dev, MS_NOSUID, "mode=755,size=65536k");
  for (const char* name : kDevices) {
    UniqueFd device = HostMounts::device(cat("/dev/", name).c_str());
    if (!device) continue;  // a container without it
    const std::string target = cat(dev, "/", name);
    program_.on_path(Kind::make_file, target);
    program_.attach(std::move(device), target);
  }
  program_.open_null(dev + "/null");
  for (const char* name : {"pts", "shm", "mqueue"}) {
    program_.on_path(Kind::make_dir, cat(dev, "/", name));
  }
  std::string options = "newinstance,ptmxmode=0666,mode=0620";
  if (const auto gid = outside_id(parts_.identity.step_gids, kTtyGid)) {
    options += cat(",gid=", *gid);
  }
  program_.mount("devpts", dev + "/pts", MS_NOSUID | MS_NOEXEC, options);
  program_.mount("tmpfs", dev + "/shm", kPassive, cat("mode=1777,size=", parts_.request.shm_bytes));
  program_.mount("mqueue", dev + "/mqueue", kPassive);
  for (const Link& link : kDeviceLinks) {
    program_.on_path(Kind::make_symlink, cat(dev, "/", link.name), link.target);
  }
}

void Planner::restrict_kernel_files() {
  if (parts_.request.network == Network::none) {
    program_.on_path(Kind::raise_loopback, "");
    // As Docker: in a network namespace of its own a step without capabilities over it may still
    // use low ports.
    program_.on_path(Kind::tune, proc_ + "/sys/net/ipv4/ip_unprivileged_port_start", "0");
  }
  // Where uid 0 of the step is the machine's, these files would obey it.
  const bool is_machine_root =
      parts_.identity.kind == Identity::Kind::host_root && !parts_.identity.id_mapped_mounts;
  if (parts_.request.insecure && !is_machine_root) return;
  for (const char* name : kMaskedInProc) program_.mask(cat(proc_, "/", name));
  for (const char* name : kMaskedInSys) program_.mask(cat(sys_, "/", name));
  for (const char* name : kProtectedInProc) {
    program_.on_path(Kind::protect, cat(proc_, "/", name));
  }
}

std::uint64_t Planner::generated_bytes() const {
  constexpr std::uint64_t kPageBytes = 64 * 1024;  // the largest there is
  std::uint64_t total = 1 << 20;
  for (const StepMount& mount : parts_.request.mounts) {
    if (mount.kind != StepMount::Kind::memory_file) continue;
    total += (mount.content.size() / kPageBytes + 1) * kPageBytes;
  }
  return total;
}

// The step's copy exists in its own mount namespace only, from its first process on.
UniqueFd Planner::write_memory_file(const StepMount& mount, std::size_t index) {
  const auto uid = outside_id(parts_.identity.step_uids, mount.uid);
  const auto gid = outside_id(parts_.identity.step_gids, mount.gid);
  if (!uid || !gid) {
    throw Error(Errc::denied,
                cat("owner ", mount.uid, ":", mount.gid, " of the mount on ",
                    mount.target.absolute(), " is not among the ids this build may use"));
  }
  const std::string path = cat(dev_, "/", index);
  program_.write_file(path, mount.content);
  program_.add({.kind = Kind::set_access,
                .target = program_.keep(path),
                .flags = mount.mode & 0777,
                .number = *uid,
                .number2 = *gid});
  return program_.hold(path, (mount.mode & 0111) != 0);
}

// The files live in a file system of their own, which is mounted where /dev will be just long
// enough to take them from it.
void Planner::mount_generated_files() {
  const RunRequest& request = parts_.request;
  program_.mount("tmpfs", dev_, kPassive, cat("mode=755,size=", generated_bytes()));
  const auto lend = [&](const char* path, const std::string& text) {
    const auto place = parts_.stubs.prepare(TreePath::clean(path), false);
    if (place.hidden) {
      throw Error(Errc::invalid, cat("/", path, " of the image leads to ", place.path.absolute(),
                                     ", where it cannot be"));
    }
    const std::string target = place.path.absolute();
    const std::string source = cat(dev_, "/", TreePath::clean(path).name());
    program_.write_file(source, text);
    program_.on_path(Kind::lend, target, source);
  };
  lend("etc/hosts", hosts_text(request.hostname, request.extra_hosts));
  lend("etc/resolv.conf", read_resolv_conf(request.network));
  memory_files_.resize(request.mounts.size());
  for (std::size_t i = 0; i < request.mounts.size(); ++i) {
    const StepMount& mount = request.mounts[i];
    if (mount.kind == StepMount::Kind::memory_file) memory_files_[i] = write_memory_file(mount, i);
  }
  program_.on_path(Kind::unmount, dev_);
}

// As in other runtimes nothing is mounted over the kernel's files about processes.
MountStubs::Target Planner::place_for(const StepMount& mount, bool directory) {
  MountStubs::Target target = parts_.stubs.prepare(mount.target, directory);
  if (TreePath::clean(proc_).contains(target.path)) {
    throw Error(Errc::invalid, cat("mount on ", mount.target.absolute(),
                                   ": nothing can be mounted on or inside /proc"));
  }
  make_hidden(target, directory);
  return target;
}

// Inside another mount: only the step's first process sees the place.
void Planner::make_hidden(const MountStubs::Target& target, bool directory) {
  if (!target.hidden) return;
  TreePath at = target.inside;
  const TreePath below = target.inside.relative(target.path);
  for (const std::string_view component : below.components()) {
    at = at.child(component);
    const bool dir = directory || at != target.path;
    program_.on_path(dir ? Kind::make_dir_in : Kind::make_file_in, at.parent().absolute(),
                     std::string(at.name()));
  }
}

void Planner::mount_tmpfs(const StepMount& mount) {
  const auto target = place_for(mount, true);
  const std::string size = mount.size_bytes == 0 ? "" : cat(",size=", mount.size_bytes);
  std::uint64_t flags = MS_NOSUID | MS_NODEV;
  if (mount.read_only) flags |= MS_RDONLY;
  program_.mount_inside("tmpfs", target.path.absolute(), flags, "mode=1777" + size);
}

void Planner::mount_bind(const StepMount& mount) {
  struct stat source {};
  if (::fstat(mount.source_fd, &source) != 0) {
    throw_errno("looking at the source of the mount on", mount.target.absolute());
  }
  const bool directory = S_ISDIR(source.st_mode);
  const auto target = place_for(mount, directory);
  program_.attach_inside(parts_.host.copy_for_step(mount.source_fd, mount.read_only),
                         target.path.absolute());
}

void Planner::mount_requested() {
  for (std::size_t i = 0; i < parts_.request.mounts.size(); ++i) {
    const StepMount& mount = parts_.request.mounts[i];
    switch (mount.kind) {
      case StepMount::Kind::bind:
        mount_bind(mount);
        break;
      case StepMount::Kind::tmpfs:
        mount_tmpfs(mount);
        break;
      case StepMount::Kind::memory_file: {
        const auto target = place_for(mount, false);
        program_.attach_inside(std::move(memory_files_[i]), target.path.absolute());
        break;
      }
    }
  }
}

}  // namespace

SetupProgram plan_sandbox(const SandboxParts& parts, UniqueFd root) {
  Planner planner(parts);
  planner.prepare_process();
  planner.enter_root(std::move(root));
  planner.mount_generated_files();
  planner.mount_devices();
  planner.restrict_kernel_files();
  planner.mount_requested();
  return planner.take();
}

}  // namespace cooper::builder
