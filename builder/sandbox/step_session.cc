#include "builder/sandbox/step_session.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "base/stop.h"
#include "builder/sandbox/user_namespace.h"

namespace cooper::builder {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;

// The step's copies of these become descriptors 0 to 2, so they must not be among them.
UniqueFd above_standard(UniqueFd fd) {
  if (fd.get() > STDERR_FILENO) return fd;
  UniqueFd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!moved) throw_errno("duplicating", "a descriptor for the step");
  return moved;
}

Pipe make_output_pipe(uid_t uid, gid_t gid) {
  Pipe pipe = make_pipe();
  pipe.write_end = above_standard(std::move(pipe.write_end));
  if (::fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK) != 0) throw_errno("setting up", "a pipe");
  // So that a user of the step may open /dev/stdout.
  if (::fchown(pipe.write_end.get(), uid, gid) != 0) throw_errno("giving away", "a pipe");
  return pipe;
}

ExitStatus from_wait_status(int status) {
  if (WIFSIGNALED(status)) return {.signalled = true, .value = WTERMSIG(status)};
  return {.signalled = false, .value = WEXITSTATUS(status)};
}

// What the surroundings would have to allow; "" when there is nothing to add.
std::string advice(const std::string& operation, int errnum) {
  if (errnum != EPERM || operation.find("proc on") == std::string::npos) return "";
  return " (the surrounding container hides parts of /proc, and a namespace in it may not show "
         "what "
         "is hidden outside: start it with --security-opt systempaths=unconfined)";
}

}  // namespace

StepSession::StepSession(const SessionHost& host, const RunRequest& request,
                         const SetupProgram& program)
    : host_(host), request_(request), program_(program) {
  const auto uid = outside_id(host.identity.step_uids, request.uid);
  const auto gid = outside_id(host.identity.step_gids, request.gid);
  if (!uid || !gid) {
    throw Error(Errc::denied, cat("user ", request.uid, ":", request.gid,
                                  " is not among the ids this build may use"));
  }
  stdout_ = make_output_pipe(*uid, *gid);
  stderr_ = make_output_pipe(*uid, *gid);
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    throw_errno("making", "a socket pair");
  }
  control_ = UniqueFd(ends[0]);
  step_control_ = above_standard(UniqueFd(ends[1]));
}

void StepSession::fork(const InitPlan& plan) {
  unsigned long namespaces =
      CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  if (request_.network == Network::none) namespaces |= CLONE_NEWNET;
  int pidfd = -1;
  const long pid = fork_with_pidfd(namespaces, pidfd);
  if (pid == 0) run_step_init(plan);
  if (pid < 0) throw SysError(static_cast<int>(-pid), "making the step's namespaces");
  init_.emplace(static_cast<pid_t>(pid), UniqueFd(pidfd));
  stdout_.write_end.reset();
  stderr_.write_end.reset();
  step_control_.reset();
}

ExitStatus StepSession::run(InitPlan plan, const OutputHandler& output, std::stop_token stop) {
  plan.operations = program_.operations().data();
  plan.operation_count = program_.operations().size();
  plan.control_fd = step_control_.get();
  plan.liveness_fd = host_.liveness.read_end.get();
  plan.liveness_writer_fd = host_.liveness.write_end.get();
  plan.payload.stdin_fd = program_.null();
  plan.payload.stdout_fd = stdout_.write_end.get();
  plan.payload.stderr_fd = stderr_.write_end.get();
  end_if_stopped(stop);
  fork(plan);
  {
    // The pidfd stays open until the callback is gone.
    const std::stop_callback kill_step(stop, [this] { init_->kill(SIGKILL); });
    pump(output);
  }
  const ExitStatus init_status = init_->wait();
  if (ended_) return *ended_;
  end_if_stopped(stop);
  // Somebody else killed it: the kernel, out of memory, or an administrator.
  if (init_status.signalled) return init_status;
  throw Error(Errc::io, "the step's first process ended without a word");
}

void StepSession::pump(const OutputHandler& output) {
  for (;;) {
    pollfd polled[4] = {{init_->pidfd(), POLLIN, 0},
                        {control_.get(), POLLIN, 0},
                        {stdout_.read_end.get(), POLLIN, 0},
                        {stderr_.read_end.get(), POLLIN, 0}};
    if (::poll(polled, 4, -1) < 0) {
      if (errno == EINTR) continue;
      throw_errno("waiting for", "the step");
    }
    // What is readable once the process is known to be gone is all there will ever be.
    const bool gone = polled[0].revents != 0;
    if (polled[2].revents != 0 || gone) {
      while (read_output(stdout_.read_end, false, output) && gone) {
      }
    }
    if (polled[3].revents != 0 || gone) {
      while (read_output(stderr_.read_end, true, output) && gone) {
      }
    }
    if (polled[1].revents != 0 || gone) {
      while (read_message(output)) {
      }
    }
    if (gone) return;
  }
}

// True if there was something. At the end of file the descriptor is closed.
bool StepSession::read_output(UniqueFd& fd, bool is_stderr, const OutputHandler& output) const {
  if (!fd) return false;
  char buffer[kReadBytes];
  const ssize_t length = ::read(fd.get(), buffer, sizeof buffer);
  if (length > 0) {
    output(std::string_view(buffer, static_cast<std::size_t>(length)), is_stderr);
    return true;
  }
  if (length == 0) fd.reset();
  if (length < 0 && errno != EAGAIN && errno != EINTR) throw_errno("reading", "the step's output");
  return length < 0 && errno == EINTR;
}

bool StepSession::read_message(const OutputHandler& output) {
  if (!control_) return false;
  StepMessage message{};
  const ssize_t length = ::recv(control_.get(), &message, sizeof message, MSG_DONTWAIT);
  if (length == static_cast<ssize_t>(sizeof message)) {
    handle(message, output);
    return true;
  }
  if (length == 0) control_.reset();  // the other end is closed
  return length < 0 && errno == EINTR;
}

void StepSession::handle(const StepMessage& message, const OutputHandler& output) {
  switch (message.kind) {
    case StepMessage::Kind::setup_failed: {
      const std::string operation = program_.describe(static_cast<std::size_t>(message.index));
      throw SysError(message.errnum,
                     cat("sandbox: ", operation, advice(operation, message.errnum)));
    }
    case StepMessage::Kind::limit_refused:
      output("cooper: a ulimit could not be raised above this machine's hard limit\n", true);
      return;
    case StepMessage::Kind::entered:
      give_maps();
      return;
    case StepMessage::Kind::stage_failed: {
      const auto stage = static_cast<PayloadStage>(message.index);
      const std::string dir =
          stage == PayloadStage::working_dir ? " " + request_.working_dir : std::string();
      const bool refused = stage == PayloadStage::enter_namespace &&
                           (message.errnum == ENOSPC || message.errnum == EPERM || message.errnum == EUSERS);
      throw SysError(message.errnum,
                     cat("sandbox: ", describe(stage), dir,
                         refused ? " (too few user namespaces: see the sysctl user.max_user_namespaces)" : ""));
    }
    case StepMessage::Kind::exec_failed: {
      const bool absent = message.errnum == ENOENT || message.errnum == ENOTDIR;
      ended_ = ExitStatus{.signalled = false, .value = absent ? 127 : 126};
      output(exec_reason(message.errnum), true);
      return;
    }
    case StepMessage::Kind::ended:
      if (!ended_) ended_ = from_wait_status(message.value);
      return;
  }
}

void StepSession::give_maps() {
  with_context([] { return std::string("sandbox: mapping the step's ids"); },
               [&] { write_step_maps(init_->pid(), host_.identity); });
  const char byte = 1;
  // A process that was killed meanwhile is reported by its pidfd.
  (void)::send(control_.get(), &byte, 1, MSG_NOSIGNAL);
}

std::string StepSession::exec_reason(int errnum) const {
  const std::string& program = request_.argv.front();
  const bool searched = program.find('/') == std::string::npos;
  const std::string why = errnum == ENOENT && searched ? "executable file not found in $PATH"
                                                       : std::string(::strerrordesc_np(errnum));
  return cat("exec: \"", program, "\": ", why, "\n");
}

}  // namespace cooper::builder
