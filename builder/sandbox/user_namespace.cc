#include "builder/sandbox/user_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "base/child_process.h"
#include "base/error.h"

namespace cooper::builder {
namespace {

void write_proc_file(const std::string& path, const std::string& text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) throw_errno("opening", path);
  // The kernel takes a map in one write or not at all.
  const ssize_t written = ::write(fd.get(), text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size())) throw_errno("writing", path);
}

[[noreturn]] void hold_user_namespace(int ready_fd, int release_fd) noexcept {
  char byte = ::syscall(SYS_unshare, CLONE_NEWUSER) == 0 ? 0 : static_cast<char>(errno);
  if (::write(ready_fd, &byte, 1) != 1) ::_exit(1);
  while (::read(release_fd, &byte, 1) < 0 && errno == EINTR) {
  }
  ::_exit(0);
}

}  // namespace

std::optional<std::uint32_t> outside_id(const std::vector<IdRange>& map, std::uint32_t inside) {
  for (const IdRange& range : map) {
    if (inside >= range.inside && inside - range.inside < range.count) {
      return range.outside + (inside - range.inside);
    }
  }
  return std::nullopt;
}

std::string map_text(const std::vector<IdRange>& map) {
  std::string text;
  for (const IdRange& range : map) {
    text += cat(range.inside, " ", range.outside, " ", range.count, "\n");
  }
  return text;
}

std::vector<IdRange> read_own_map(const char* path) {
  std::ifstream file(path);
  if (!file) throw_errno("opening", path);
  std::vector<IdRange> map;
  IdRange range;
  while (file >> range.inside >> range.outside >> range.count) map.push_back(range);
  if (!file.eof()) throw Error(Errc::corrupt, cat(path, " is not an id map"));
  return map;
}

void write_step_maps(pid_t pid, const Identity& identity) {
  write_proc_file(cat("/proc/", pid, "/uid_map"), map_text(identity.step_uids));
  write_proc_file(cat("/proc/", pid, "/gid_map"), map_text(identity.step_gids));
}

UniqueFd make_step_user_namespace(const Identity& identity) {
  const Pipe ready = make_pipe();
  Pipe release = make_pipe();
  int pidfd = -1;
  const long pid = fork_with_pidfd(0, pidfd);
  if (pid == 0) {
    ::close(release.write_end.get());
    hold_user_namespace(ready.write_end.get(), release.read_end.get());
  }
  if (pid < 0) throw SysError(static_cast<int>(-pid), "starting a process for a user namespace");
  const ChildProcess holder(static_cast<pid_t>(pid), UniqueFd(pidfd));
  char errnum = 0;
  if (::read(ready.read_end.get(), &errnum, 1) != 1) throw_errno("making", "a user namespace");
  if (errnum != 0) throw SysError(errnum, "making a user namespace");
  write_step_maps(holder.pid(), identity);
  const std::string path = cat("/proc/", holder.pid(), "/ns/user");
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw_errno("opening", path);
  return fd;
}

long fork_with_pidfd(unsigned long namespace_flags, int& pidfd) noexcept {
  // A handler of ours must not run in the child, on the parent's state.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  // Raw: the library's fork would run handlers and take locks that other threads may hold.
  const long pid =
      ::syscall(SYS_clone, namespace_flags | CLONE_PIDFD | SIGCHLD, nullptr, &pidfd, nullptr, 0UL);
  const long result = pid < 0 ? -static_cast<long>(errno) : pid;
  if (pid != 0) ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return result;
}

}  // namespace cooper::builder
