#include "base/child_process.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "base/error.h"

namespace cooper {
namespace {

// waitid(2) by pidfd where there is one; 0 or an errno.
int reap(pid_t pid, int pidfd, siginfo_t& info) noexcept {
  const bool by_fd = pidfd >= 0;
  const auto id = static_cast<id_t>(by_fd ? pidfd : pid);
  for (;;) {
    if (::waitid(by_fd ? P_PIDFD : P_PID, id, &info, WEXITED) == 0) return 0;
    if (errno != EINTR) return errno;
  }
}

}  // namespace

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  ChildProcess taken(std::move(other));
  std::swap(pid_, taken.pid_);
  std::swap(pidfd_, taken.pidfd_);
  return *this;
}

ChildProcess::~ChildProcess() {
  if (pid_ <= 0) return;
  const int errnum = errno;
  // Nobody else reaps it, so until we do its pid cannot mean another process.
  if (::getpgid(pid_) == pid_) ::kill(-pid_, SIGKILL);
  kill(SIGKILL);
  siginfo_t info{};
  reap(pid_, pidfd_.get(), info);
  errno = errnum;
}

ExitStatus ChildProcess::wait() {
  if (pid_ <= 0) throw SysError(ECHILD, "waiting for a child process");
  siginfo_t info{};
  const int errnum = reap(pid_, pidfd_.get(), info);
  const pid_t pid = std::exchange(pid_, -1);
  pidfd_.reset();
  if (errnum != 0) throw SysError(errnum, cat("waiting for process ", pid));
  return {.signalled = info.si_code != CLD_EXITED, .value = info.si_status};
}

std::optional<ExitStatus> ChildProcess::wait_for(std::chrono::milliseconds timeout) {
  using Clock = std::chrono::steady_clock;
  if (pid_ <= 0) throw SysError(ECHILD, "waiting for a child process");
  const auto deadline = Clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    const auto wait_ms = static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX));
    pollfd entry{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&entry, 1, wait_ms);
    if (ready > 0) return wait();
    if (ready < 0 && errno != EINTR) throw_errno("waiting for", "a child process");
    if (ready == 0 && left <= INT_MAX) return std::nullopt;
  }
}

void ChildProcess::kill(int signal) noexcept {
  if (pid_ <= 0) return;
  if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0) != 0) {
    ::kill(pid_, signal);  // no pidfd, or a kernel or filter without the call
  }
}

}  // namespace cooper
