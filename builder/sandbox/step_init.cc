// Process 1 of a step. System calls only: it is forked from a process with threads.

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "builder/sandbox/setup_interpreter.h"
#include "builder/sandbox/step_process.h"

namespace cooper::builder {
namespace {

[[noreturn]] void fail(int control_fd, const StepMessage& message) noexcept {
  send(control_fd, message);
  ::_exit(1);
}

void set_up(const InitPlan& plan) noexcept {
  for (std::size_t i = 0; i < plan.operation_count; ++i) {
    const int errnum = perform(plan.operations[i]);
    if (errnum == 0) continue;
    const auto index = static_cast<std::int32_t>(i);
    if (plan.operations[i].kind == SetupOperation::Kind::raise_hard_limit) {
      send(plan.control_fd, {StepMessage::Kind::limit_refused, index, errnum});
    } else {
      fail(plan.control_fd, {StepMessage::Kind::setup_failed, index, errnum});
    }
  }
}

void check(bool done, PayloadStage stage, int control_fd) noexcept {
  if (!done) {
    fail(control_fd, {StepMessage::Kind::stage_failed, static_cast<std::int32_t>(stage), errno});
  }
}

// False: cooper gave up on us, or is gone. Its end of the control socket may live on in another
// step's init that is just being forked; nobody keeps the other end of the liveness pipe.
bool wait_for_maps(const InitPlan& plan) noexcept {
  pollfd polled[2] = {{plan.control_fd, POLLIN, 0}, {plan.liveness_fd, 0, 0}};
  while (::poll(polled, 2, -1) < 0 && errno == EINTR) {
  }
  if (polled[1].revents != 0) return false;
  char byte = 0;
  return ::recv(plan.control_fd, &byte, 1, 0) == 1;
}

// All mounts made so far are locked for the new namespace: whatever capability the step has there,
// it can neither undo a mask nor make writable what is not, mount_namespaces(7).
void enter_step_namespace(const InitPlan& plan) noexcept {
  const int control_fd = plan.control_fd;
  check(::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0, PayloadStage::enter_namespace, control_fd);
  send(control_fd, {StepMessage::Kind::entered});
  if (!wait_for_maps(plan)) ::_exit(1);
  // The raw calls: the library's would ask other threads, which this process does not have.
  check(::syscall(SYS_setresgid, 0, 0, 0) == 0, PayloadStage::take_ids, control_fd);
  check(::syscall(SYS_setresuid, 0, 0, 0) == 0, PayloadStage::take_ids, control_fd);
}

// /proc/1 shows nothing of cooper: neither memory and links (not dumpable), nor the command line.
void hide(const InitPlan& plan) noexcept {
  ::prctl(PR_SET_DUMPABLE, 0);
  ::prctl(PR_SET_NAME, "init");
  if (plan.arguments != nullptr) std::memset(plan.arguments, 0, plan.arguments_bytes);
}

// The wait status of `program` once it has ended; -1 before. Orphans are reaped on the way.
int reap(pid_t program) noexcept {
  int ended = -1;
  for (;;) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return ended;
    if (pid == program) ended = status;
  }
}

[[noreturn]] void watch(pid_t program, int child_signals, const InitPlan& plan) noexcept {
  pollfd polled[2] = {{child_signals, POLLIN, 0}, {plan.liveness_fd, 0, 0}};
  for (;;) {
    if (::poll(polled, 2, -1) < 0) continue;
    if (polled[1].revents != 0) ::_exit(1);
    signalfd_siginfo ignored{};
    if (::read(child_signals, &ignored, sizeof ignored) < 0) continue;
    const int status = reap(program);
    if (status < 0) continue;
    send(plan.control_fd, {StepMessage::Kind::ended, 0, 0, status});
    ::_exit(0);
  }
}

}  // namespace

void send(int control_fd, const StepMessage& message) noexcept {
  while (::send(control_fd, &message, sizeof message, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

void close_all_but(int first, int second) noexcept {
  const auto low = static_cast<unsigned>(first < second ? first : second);
  const auto high = static_cast<unsigned>(first < second ? second : first);
  if (low > 0) ::syscall(SYS_close_range, 0U, low - 1, 0U);
  if (high > low + 1) ::syscall(SYS_close_range, low + 1, high - 1, 0U);
  ::syscall(SYS_close_range, high + 1, ~0U, 0U);
}

void run_step_init(const InitPlan& plan) noexcept {
  ::close(plan.liveness_writer_fd);
  ::setsid();
  ::umask(0022);
  set_up(plan);
  enter_step_namespace(plan);
  hide(plan);

  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  // A handler or SIG_IGN of cooper's would lose children; signals are blocked since the fork.
  struct sigaction normal {};
  normal.sa_handler = SIG_DFL;
  ::sigaction(SIGCHLD, &normal, nullptr);

  const long program = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0UL);
  if (program == 0) run_step_payload(plan.payload, plan.control_fd);
  check(program > 0, PayloadStage::start_program, plan.control_fd);
  close_all_but(plan.control_fd, plan.liveness_fd);
  const int child_signals = ::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  check(child_signals >= 0, PayloadStage::start_program, plan.control_fd);
  watch(static_cast<pid_t>(program), child_signals, plan);
}

}  // namespace cooper::builder
