// From a fork of step init to the program of a step. System calls only.

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "builder/sandbox/step_process.h"

namespace cooper::builder {
namespace {

// Defaults and no mask, whatever cooper uses itself.
void reset_signals() noexcept {
  struct sigaction normal {};
  normal.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &normal, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Descriptors 0, 1, 2, the control socket and the launcher; nothing else survives. No path is
// looked up before: by now the image decides where it leads, and a link of /proc leads to every
// descriptor.
bool take_standard_files(const PayloadPlan& plan, int control_fd) noexcept {
  // Sources are above 2 and may be 3 or 4: these move there last.
  const int control = ::fcntl(control_fd, F_DUPFD_CLOEXEC, 10);
  const int launcher = ::fcntl(plan.launcher_fd, F_DUPFD_CLOEXEC, 10);
  if (control < 0 || launcher < 0) return false;
  if (::dup2(plan.stdout_fd, STDOUT_FILENO) < 0) return false;
  if (::dup2(plan.stderr_fd, STDERR_FILENO) < 0) return false;
  if (::dup2(plan.stdin_fd, STDIN_FILENO) < 0) return false;
  // It goes on to the launcher, which lets no program have it.
  if (::dup2(control, kControlFd) < 0) return false;
  if (::dup3(launcher, kLauncherFd, O_CLOEXEC) < 0) return false;
  return ::syscall(SYS_close_range, kLauncherFd + 1U, ~0U, 0U) == 0;
}

void join_own_session() noexcept {
  ::setsid();
  // Without it the step would hold cooper's session keyring. May be refused (a quota, a filter
  // around us); the step's own filter has no keyctl then either.
  ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr, 0, 0, 0);
}

bool set_limits(const PayloadPlan& plan) noexcept {
  for (std::size_t i = 0; i < plan.limit_count; ++i) {
    const LimitPlan& wanted = plan.limits[i];
    const auto resource = static_cast<__rlimit_resource_t>(wanted.resource);
    rlimit64 now{};
    if (::getrlimit64(resource, &now) != 0) return false;
    // Where the hard limit could not be raised, cooper has told the user; the step gets what there
    // is.
    const rlim64_t hard = wanted.hard < now.rlim_max ? wanted.hard : now.rlim_max;
    const rlimit64 set{wanted.soft < hard ? wanted.soft : hard, hard};
    if (::setrlimit64(resource, &set) != 0) return false;
  }
  return true;
}

bool set_groups(const PayloadPlan& plan) noexcept {
  if (plan.set_groups && ::syscall(SYS_setgroups, plan.group_count, plan.groups) != 0) return false;
  return ::syscall(SYS_setresgid, plan.gid, plan.gid, plan.gid) == 0;
}

bool drop_bounding_set(std::uint64_t kept) noexcept {
  for (int capability = 0; capability < 64; ++capability) {
    if ((kept >> capability & 1U) != 0) continue;
    if (::prctl(PR_CAPBSET_READ, capability) < 0) return true;  // beyond the last one
    if (::prctl(PR_CAPBSET_DROP, capability) != 0) return false;
  }
  return true;
}

// no_new_privs stays off (RUN-13), so the kernel asks for CAP_SYS_ADMIN here: it is dropped later.
bool install_filter(const sock_fprog* filter) noexcept {
  // Without this flag kernels before 5.16 also switch on costly mitigations for every thread.
  const unsigned flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, filter) == 0) return true;
  return errno == EINVAL && ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, filter) == 0;
}

// Changing to a user other than 0 clears the capabilities, capabilities(7).
bool take_user(const PayloadPlan& plan) noexcept {
  if (::syscall(SYS_setresuid, plan.uid, plan.uid, plan.uid) != 0) return false;
  if (plan.uid != 0) return true;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  for (int word = 0; word < 2; ++word) {
    const auto kept = static_cast<std::uint32_t>(plan.capabilities >> (32 * word));
    data[word].permitted &= kept;
    data[word].effective = data[word].permitted;
    data[word].inheritable = 0;
  }
  return ::syscall(SYS_capset, &header, data) == 0;
}

// Why the program could not be started, if that is why: it and its environment are too large.
bool is_about_the_program(int errnum) noexcept {
  return errnum == E2BIG || errnum == ENOMEM;
}

}  // namespace

const char* describe(PayloadStage stage) noexcept {
  switch (stage) {
    case PayloadStage::enter_namespace:
      return "entering the step's user namespace";
    case PayloadStage::take_ids:
      return "becoming root of the step's user namespace";
    case PayloadStage::start_program:
      return "starting the step's first process";
    case PayloadStage::standard_files:
      return "taking the standard files";
    case PayloadStage::limits:
      return "setting resource limits";
    case PayloadStage::groups:
      return "setting the step's groups";
    case PayloadStage::working_dir:
      return "changing to the working directory";
    case PayloadStage::capabilities:
      return "dropping capabilities";
    case PayloadStage::filter:
      return "installing the system call filter";
    case PayloadStage::user:
      return "changing to the step's user";
    case PayloadStage::launcher:
      return "starting the launcher of the step's program";
  }
  return "starting the program";
}

void run_step_payload(const PayloadPlan& plan, int control_fd) noexcept {
  int control = control_fd;
  const auto check = [&control](bool done, PayloadStage stage) noexcept {
    if (done) return;
    send(control, {StepMessage::Kind::stage_failed, static_cast<std::int32_t>(stage), errno});
    ::_exit(1);
  };
  reset_signals();
  check(take_standard_files(plan, control_fd), PayloadStage::standard_files);
  control = kControlFd;
  join_own_session();
  check(set_limits(plan), PayloadStage::limits);
  check(set_groups(plan), PayloadStage::groups);
  ::umask(0022);  // RUN-12
  // As root, so that the directory need not be the user's.
  check(::chdir(plan.working_dir) == 0, PayloadStage::working_dir);
  check(drop_bounding_set(plan.capabilities), PayloadStage::capabilities);
  check(install_filter(plan.filter), PayloadStage::filter);
  check(take_user(plan), PayloadStage::user);
  ::syscall(SYS_execveat, kLauncherFd, "", plan.launch_argv, plan.environment, AT_EMPTY_PATH);
  check(is_about_the_program(errno), PayloadStage::launcher);
  send(control, {StepMessage::Kind::exec_failed, 0, errno});
  ::_exit(127);
}

}  // namespace cooper::builder
