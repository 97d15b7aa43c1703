#include "builder/sandbox/setup_interpreter.h"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "builder/sandbox/root_place.h"
#include "builder/sandbox/step_root_credentials.h"

namespace cooper::builder {
namespace {

int result(long returned) noexcept {
  return returned < 0 ? errno : 0;
}
int unless(int tolerated, int errnum) noexcept {
  return errnum == tolerated ? 0 : errnum;
}

// What stands for a mount or a file until the end of a scope; a negative errno stays one.
class Held {
 public:
  explicit Held(int fd) noexcept : fd_(fd) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() {
    if (fd_ >= 0) ::close(fd_);
  }
  bool missing() const noexcept { return fd_ < 0; }
  int errnum() const noexcept { return -fd_; }
  int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

int or_errno(int fd) noexcept {
  return fd < 0 ? -errno : fd;
}

int attach_at(int fd, int place) noexcept {
  return result(::move_mount(fd, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

int attach(int fd, const char* target) noexcept {
  const Held place(find_place(target));
  return place.missing() ? place.errnum() : attach_at(fd, place.fd());
}

// The host's path, known to be its own.
int attach_root(int fd, const char* target) noexcept {
  const int errnum = result(::move_mount(fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH));
  return errnum != 0 ? errnum : result(::chdir(target));
}

// Does it in a directory that is held: the one way to name it that looks nothing up.
template <class Act>
int inside(int directory, const Act& act) noexcept {
  const Held before(or_errno(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)));
  if (before.missing()) return before.errnum();
  if (::fchdir(directory) != 0) return errno;
  const int errnum = result(act());
  return ::fchdir(before.fd()) == 0 ? errnum : errno;
}

int mount_in(int directory, const char* type, unsigned long flags, const char* options) noexcept {
  return inside(directory, [&] { return ::mount(type, ".", type, flags, options); });
}

int mount_at(const SetupOperation& operation, int place) noexcept {
  const int errnum = mount_in(place, operation.text, operation.flags, operation.options);
  if (errnum == 0 || operation.fd < 0) return errnum;
  return attach_at(operation.fd, place) == 0 ? 0 : errnum;
}

int mount(const SetupOperation& operation) noexcept {
  if (operation.place >= 0) return mount_at(operation, operation.place);
  const Held place(find_place(operation.target));
  return place.missing() ? place.errnum() : mount_at(operation, place.fd());
}

int unmount(const char* target) noexcept {
  const Held place(find_place(target));
  if (place.missing()) return place.errnum();
  return inside(place.fd(), [] { return ::umount2(".", MNT_DETACH | UMOUNT_NOFOLLOW); });
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

int make_file_in(int directory, const char* name) noexcept {
  const Held file(or_errno(
      ::openat(directory, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644)));
  return file.missing() ? unless(EEXIST, file.errnum()) : 0;
}

int make_dir_in(int directory, const char* name) noexcept {
  return unless(EEXIST, result(::mkdirat(directory, name, 0755)));
}

int make(const SetupOperation& operation) noexcept {
  const ParentPlace parent(operation.target);
  if (parent.fd() < 0) return -parent.fd();
  switch (operation.kind) {
    case SetupOperation::Kind::make_dir:
      return make_dir_in(parent.fd(), parent.name());
    case SetupOperation::Kind::make_file:
      return make_file_in(parent.fd(), parent.name());
    default:
      return result(::symlinkat(operation.text, parent.fd(), parent.name()));
  }
}

int make_in(const SetupOperation& operation) noexcept {
  const Held directory(find_outside_proc(operation.target));
  if (directory.missing()) return directory.errnum();
  return operation.kind == SetupOperation::Kind::make_dir_in
             ? make_dir_in(directory.fd(), operation.text)
             : make_file_in(directory.fd(), operation.text);
}

// fd is closed; it becomes place.
int move_to(int place, int fd) noexcept {
  const Held held(fd);
  if (held.missing()) return held.errnum();
  return result(::dup3(held.fd(), place, O_CLOEXEC));
}

int open_null(const char* target, int place) noexcept {
  const Held null(open_place(target, O_RDONLY | O_NOCTTY));
  if (null.missing()) return null.errnum();
  struct stat status {};
  const bool is_null = ::fstat(null.fd(), &status) == 0 && S_ISCHR(status.st_mode) &&
                       status.st_rdev == makedev(1, 3);
  return is_null ? result(::dup3(null.fd(), place, O_CLOEXEC)) : ENODEV;
}

int mask_found(int target, int null) noexcept {
  struct stat status {};
  if (::fstat(target, &status) != 0) return errno;
  if (S_ISDIR(status.st_mode)) {
    constexpr unsigned long kFlags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    return mount_in(target, "tmpfs", kFlags, "size=0,nr_inodes=1");
  }
  const Held clone(
      or_errno(::open_tree(null, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH)));
  return clone.missing() ? clone.errnum() : attach_at(clone.fd(), target);
}

int mask(const char* target, int null) noexcept {
  const Held found(find_place(target));
  return found.missing() ? unless(ENOENT, found.errnum()) : mask_found(found.fd(), null);
}

// A read-only mount of what is at source, attached nowhere. Negative: an errno.
int passive_copy(const char* source, bool executable) noexcept {
  const Held found(find_place(source));
  if (found.missing()) return -found.errnum();
  const int fd = ::open_tree(found.fd(), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
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
  const Held copy(passive_copy(source, false));
  return copy.missing() ? copy.errnum() : attach(copy.fd(), target);
}

int write_into(const char* target, int flags, const char* text, std::size_t size) noexcept {
  const Held file(open_place(target, O_WRONLY | flags, 0644));
  if (file.missing()) return file.errnum();
  int errnum = 0;
  for (std::size_t done = 0; done < size && errnum == 0;) {
    const ssize_t written = ::write(file.fd(), text + done, size - done);
    errnum = written < 0 ? errno : written == 0 ? ENOSPC : 0;
    if (written > 0) done += static_cast<std::size_t>(written);
  }
  return errnum;
}

int set_access(const SetupOperation& operation) noexcept {
  const Held file(open_place(operation.target, O_RDONLY | O_NONBLOCK));
  if (file.missing()) return file.errnum();
  const auto uid = static_cast<uid_t>(operation.number);
  const auto gid = static_cast<gid_t>(operation.number2);
  if (::fchown(file.fd(), uid, gid) != 0) return errno;
  return result(::fchmod(file.fd(), static_cast<mode_t>(operation.flags)));
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
    case Kind::attach_root:
      return attach_root(operation.fd, operation.target);
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
    case Kind::make_file:
    case Kind::make_symlink:
      return make(operation);
    case Kind::make_dir_in:
    case Kind::make_file_in:
      return make_in(operation);
    case Kind::find:
      return move_to(operation.place, find_outside_proc(operation.target));
    case Kind::open_null:
      return open_null(operation.target, operation.place);
    case Kind::mask:
      return mask(operation.target, operation.fd);
    case Kind::protect:
      return unless(ENOENT, lend(operation.target, operation.target));
    case Kind::lend:
      return lend(operation.text, operation.target);
    case Kind::unmount:
      return unmount(operation.target);
    case Kind::write_file:
      return write_into(operation.target, O_CREAT | O_EXCL, operation.text, operation.number);
    case Kind::set_access:
      return set_access(operation);
    case Kind::hold:
      return move_to(operation.fd, passive_copy(operation.text, operation.flags != 0));
    case Kind::tune:  // an older kernel: the step can do without
      write_into(operation.target, 0, operation.text, std::strlen(operation.text));
      return 0;
    case Kind::raise_loopback:
      return raise_loopback();
  }
  return ENOSYS;
}

}  // namespace cooper::builder
