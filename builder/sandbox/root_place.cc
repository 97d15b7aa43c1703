#include "builder/sandbox/root_place.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>

namespace cooper::builder {
namespace {

// Component by component, for where there is no openat2.
int find_by_steps(const char* path) noexcept {
  int at = ::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
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

int find(const char* path, std::uint64_t resolve) noexcept {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | resolve;
  const long fd = ::syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  if (fd >= 0) return static_cast<int>(fd);
  return errno == ENOSYS || errno == EPERM ? find_by_steps(path) : -errno;
}

int find_parent(const char* path, const char* name) noexcept {
  char parent[PATH_MAX];
  const auto length = static_cast<std::size_t>(name - path);
  if (length >= sizeof parent) return -ENAMETOOLONG;
  std::memcpy(parent, path, length);
  parent[length] = '\0';
  return find_place(parent);
}

}  // namespace

int find_place(const char* path) noexcept {
  return find(path, RESOLVE_NO_SYMLINKS);
}

int find_outside_proc(const char* path) noexcept {
  const int fd = find(path, RESOLVE_NO_MAGICLINKS);
  struct statfs system {};
  if (fd < 0 || (::fstatfs(fd, &system) == 0 && system.f_type != PROC_SUPER_MAGIC)) return fd;
  ::close(fd);
  return -EACCES;
}

ParentPlace::ParentPlace(const char* path) noexcept : name_(std::strrchr(path, '/') + 1) {
  fd_ = find_parent(path, name_);
}

ParentPlace::~ParentPlace() {
  if (fd_ >= 0) ::close(fd_);
}

int open_place(const char* path, int flags, mode_t mode) noexcept {
  const ParentPlace parent(path);
  if (parent.fd() < 0) return parent.fd();
  const int fd = ::openat(parent.fd(), parent.name(), flags | O_NOFOLLOW | O_CLOEXEC, mode);
  return fd < 0 ? -errno : fd;
}

}  // namespace cooper::builder
