#include "builder/sandbox/setup_interpreter.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "builder/sandbox/step_root_credentials.h"

namespace cooper::builder {
namespace {

int result(long returned) noexcept {
  return returned < 0 ? errno : 0;
}
int unless(int tolerated, int errnum) noexcept {
  return errnum == tolerated ? 0 : errnum;
}

int attach(int fd, const char* target) noexcept {
  return result(::move_mount(fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH));
}

int attach_at(int fd, int place) noexcept {
  return result(::move_mount(fd, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

// On a directory that is held: the one way to name it that looks nothing up.
int mount_in(int directory, const char* type, unsigned long flags, const char* options) noexcept {
  if (::fchdir(directory) != 0) return errno;
  const int errnum = result(::mount(type, ".", type, flags, options));
  return ::chdir("/") == 0 ? errnum : errno;
}

int mount(const SetupOperation& operation) noexcept {
  if (operation.place >= 0) {
    return mount_in(operation.place, operation.text, operation.flags, operation.options);
  }
  const int errnum = result(::mount(operation.text, operation.target, operation.text,
                                    operation.flags, operation.options));
  if (errnum == 0 || operation.fd < 0) return errnum;
  return attach(operation.fd, operation.target) == 0 ? 0 : errnum;
}

int pivot(const char* target) noexcept {
  if (::chdir(target) != 0) return errno;
  // Both names the same: the old root ends up mounted over the new one, no directory is needed for
  // it, pivot_root(2). It stays until proc and sysfs are mounted, which a user namespace may only
  // while it sees others of their kind.
  return result(::syscall(SYS_pivot_root, ".", "."));
}

int drop_old_root() noexcept {
  if (::umount2(".", MNT_DETACH) != 0) return errno;
  return result(::chdir("/"));
}

int make_file(const char* target) noexcept {
  const int fd = ::open(target, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return unless(EEXIST, errno);
  return result(::close(fd));
}

// Component by component, for where there is no openat2.
int find_by_steps(const char* path) noexcept {
  int at = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  while (at >= 0 && *path != '\0') {
    char name[NAME_MAX + 1];
    std::size_t length = 0;
    while (*path == '/') ++path;
    for (; *path != '\0' && *path != '/'; ++path) {
      if (length == NAME_MAX) {
        ::close(at);
        return -ENAMETOOLONG;
      }
      name[length++] = *path;
    }
    if (length == 0) break;
    name[length] = '\0';
    const int next = ::openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    const int errnum = next < 0 ? errno : 0;
    ::close(at);
    if (errnum != 0) return -errnum;
    struct stat status {};
    if (::fstat(next, &status) != 0 || S_ISLNK(status.st_mode)) {
      ::close(next);
      return -ELOOP;
    }
    at = next;
  }
  return at < 0 ? -errno : at;
}

// What is at an absolute path without "." and "..": a descriptor of it, or a negative errno. This
// process still holds descriptors of the host's, and a link of /proc leads to each.
int find(const char* path, std::uint64_t flags, std::uint64_t resolve) noexcept {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = resolve;
  // The working directory is "/".
  const long fd = ::syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  return fd >= 0 ? static_cast<int>(fd) : -errno;
}

bool is_missing_call(int found) noexcept {
  return found == -ENOSYS || found == -EPERM;
}

int find_plain(const char* path) noexcept {
  const int fd = find(path, O_PATH, RESOLVE_NO_SYMLINKS);
  return is_missing_call(fd) ? find_by_steps(path) : fd;
}

// For what a Dockerfile asks for.
int find_outside_proc(const char* path) noexcept {
  int fd = find(path, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
  if (is_missing_call(fd)) fd = find_by_steps(path);
  struct statfs system {};
  if (fd < 0 || (::fstatfs(fd, &system) == 0 && system.f_type != PROC_SUPER_MAGIC)) return fd;
  ::close(fd);
  return -EACCES;
}

// fd is closed; it becomes place.
int move_to(int place, int fd) noexcept {
  if (fd < 0) return -fd;
  const int errnum = result(::dup3(fd, place, O_CLOEXEC));
  ::close(fd);
  return errnum;
}

int open_null(const char* target, int place) noexcept {
  int fd = find(target, O_RDONLY | O_NOCTTY, RESOLVE_NO_SYMLINKS);
  if (is_missing_call(fd)) {
    fd = ::open(target, O_RDONLY | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) fd = -errno;
  }
  struct stat status {};
  const bool is_null = fd >= 0 && ::fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) &&
                       status.st_rdev == makedev(1, 3);
  if (fd >= 0 && !is_null) {
    ::close(fd);
    return ENODEV;
  }
  return move_to(place, fd);
}

int make_in(const SetupOperation& operation) noexcept {
  const int directory = find_outside_proc(operation.target);
  if (directory < 0) return -directory;
  int errnum = 0;
  if (operation.kind == SetupOperation::Kind::make_dir_in) {
    errnum = result(::mkdirat(directory, operation.text, 0755));
  } else {
    const int flags = O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW;
    const int fd = ::openat(directory, operation.text, flags, 0644);
    errnum = fd < 0 ? errno : result(::close(fd));
  }
  ::close(directory);
  return unless(EEXIST, errnum);
}

int mask_found(int target, int null) noexcept {
  struct stat status {};
  if (::fstat(target, &status) != 0) return errno;
  if (S_ISDIR(status.st_mode)) {
    constexpr unsigned long kFlags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    return mount_in(target, "tmpfs", kFlags, "size=0,nr_inodes=1");
  }
  const int fd = ::open_tree(null, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  if (fd < 0) return errno;
  const int errnum = attach_at(fd, target);
  ::close(fd);
  return errnum;
}

int mask(const char* target, int null) noexcept {
  const int found = find_plain(target);
  if (found < 0) return unless(ENOENT, -found);
  const int errnum = mask_found(found, null);
  ::close(found);
  return errnum;
}

// A read-only mount of what is at source, attached nowhere. Negative: an errno.
int passive_copy(const char* source, bool executable) noexcept {
  const int fd = ::open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (fd < 0) return -errno;
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  (executable ? attributes.attr_clr : attributes.attr_set) |= MOUNT_ATTR_NOEXEC;
  const int errnum = result(::mount_setattr(fd, "", AT_EMPTY_PATH, &attributes, sizeof attributes));
  if (errnum == 0) return fd;
  ::close(fd);
  return -errnum;
}

int lend(const char* source, const char* target) noexcept {
  const int fd = passive_copy(source, false);
  if (fd < 0) return -fd;
  const int errnum = attach(fd, target);
  ::close(fd);
  return errnum;
}

int hold(const char* source, bool executable, int place) noexcept {
  const int fd = passive_copy(source, executable);
  if (fd < 0) return -fd;
  const int errnum = result(::dup3(fd, place, O_CLOEXEC));
  ::close(fd);
  return errnum;
}

int write_into(const char* target, int flags, const char* text, std::size_t size) noexcept {
  const int fd = ::open(target, O_WRONLY | O_CLOEXEC | flags, 0644);
  if (fd < 0) return errno;
  int errnum = 0;
  for (std::size_t done = 0; done < size && errnum == 0;) {
    const ssize_t written = ::write(fd, text + done, size - done);
    errnum = written < 0 ? errno : written == 0 ? ENOSPC : 0;
    if (written > 0) done += static_cast<std::size_t>(written);
  }
  ::close(fd);
  return errnum;
}

int set_access(const SetupOperation& operation) noexcept {
  const auto uid = static_cast<uid_t>(operation.number);
  const auto gid = static_cast<gid_t>(operation.number2);
  if (::chown(operation.target, uid, gid) != 0) return errno;
  return result(::chmod(operation.target, static_cast<mode_t>(operation.flags)));
}

int raise_loopback() noexcept {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  int errnum = result(::ioctl(fd, SIOCGIFFLAGS, &request));
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (errnum == 0) errnum = result(::ioctl(fd, SIOCSIFFLAGS, &request));
  ::close(fd);
  return errnum;
}

int raise_hard_limit(unsigned resource, std::uint64_t hard) noexcept {
  rlimit64 limit{};
  const auto which = static_cast<__rlimit_resource_t>(resource);
  if (::getrlimit64(which, &limit) != 0) return errno;
  if (limit.rlim_max >= hard) return 0;
  limit.rlim_max = hard;
  return result(::setrlimit64(which, &limit));
}

}  // namespace

int perform(const SetupOperation& operation) noexcept {
  using Kind = SetupOperation::Kind;
  switch (operation.kind) {
    case Kind::act_as:
      return act_as({static_cast<std::uint32_t>(operation.number),
                     static_cast<std::uint32_t>(operation.number2)})
                 ? 0
                 : EPERM;
    case Kind::set_hostname:
      return result(::sethostname(operation.text, std::strlen(operation.text)));
    case Kind::raise_hard_limit:
      return raise_hard_limit(static_cast<unsigned>(operation.flags), operation.number);
    case Kind::attach:
      return operation.place >= 0 ? attach_at(operation.fd, operation.place)
                                  : attach(operation.fd, operation.target);
    case Kind::mount:
      return mount(operation);
    case Kind::pivot:
      return pivot(operation.target);
    case Kind::drop_old_root:
      return drop_old_root();
    case Kind::make_dir:
      return unless(EEXIST, result(::mkdir(operation.target, 0755)));
    case Kind::make_file:
      return make_file(operation.target);
    case Kind::make_dir_in:
    case Kind::make_file_in:
      return make_in(operation);
    case Kind::find:
      return move_to(operation.place, find_outside_proc(operation.target));
    case Kind::open_null:
      return open_null(operation.target, operation.place);
    case Kind::make_symlink:
      return result(::symlink(operation.text, operation.target));
    case Kind::mask:
      return mask(operation.target, operation.fd);
    case Kind::protect:
      return unless(ENOENT, lend(operation.target, operation.target));
    case Kind::lend:
      return lend(operation.text, operation.target);
    case Kind::unmount:
      return result(::umount2(operation.target, MNT_DETACH | UMOUNT_NOFOLLOW));
    case Kind::write_file:
      return write_into(operation.target, O_CREAT | O_EXCL, operation.text, operation.number);
    case Kind::set_access:
      return set_access(operation);
    case Kind::hold:
      return hold(operation.text, operation.flags != 0, operation.fd);
    case Kind::tune:  // an older kernel: the step can do without
      write_into(operation.target, 0, operation.text, std::strlen(operation.text));
      return 0;
    case Kind::raise_loopback:
      return raise_loopback();
  }
  return ENOSYS;
}

}  // namespace cooper::builder
