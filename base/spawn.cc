// spawn(): fork and exec.
//
// Between vfork and exec the child shares our memory, so it makes system calls only, on arguments
// prepared before. What fails there is reported as step and errno on a close-on-exec pipe (and not
// in the shared memory: emulators implement vfork as fork).
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "base/child_process.h"
#include "base/descriptor_limit.h"
#include "base/error.h"

namespace cooper {
namespace {

constexpr int kStandardFds = 3;

enum class Step : int { group, descriptors, directory, signals, exec };

struct Failure {
  Step step;
  int errnum;
};

struct Job {
  const char* program;
  char* const* argv;
  char* const* environment;
  const char* working_dir;  // nullptr: ours
  bool lead_process_group;
  rlimit descriptors;
  std::array<int, kStandardFds> fds;  // what becomes 0, 1 and 2
  int status_fd;
  int max_fds;
};

// -- in the child: system calls only ------------------------------------------------------------

[[noreturn]] void give_up(const Job& job, Step step) noexcept {
  const Failure failure{step, errno};
  const ssize_t put = ::write(job.status_fd, &failure, sizeof failure);
  ::_exit(put == sizeof failure ? 127 : 126);
}

bool place_standard_fds(std::array<int, kStandardFds> fds) noexcept {
  // First out of the way of each other: dup2 onto 1 would close what is to become 2.
  for (int target = 0; target < kStandardFds; ++target) {
    int& fd = fds[static_cast<std::size_t>(target)];
    if (fd >= kStandardFds || fd == target) continue;
    fd = ::fcntl(fd, F_DUPFD_CLOEXEC, kStandardFds);
    if (fd < 0) return false;
  }
  for (int target = 0; target < kStandardFds; ++target) {
    const int fd = fds[static_cast<std::size_t>(target)];
    const int done = fd == target ? ::fcntl(fd, F_SETFD, 0) : ::dup2(fd, target);
    if (done < 0) return false;
  }
  return true;
}

void close_others_on_exec(int max_fds) noexcept {
  constexpr unsigned kCloseRangeCloexec = 1U << 2;  // CLOSE_RANGE_CLOEXEC, Linux 5.11
  if (::syscall(SYS_close_range, kStandardFds, ~0U, kCloseRangeCloexec) == 0) return;
  for (int fd = kStandardFds; fd < max_fds; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

// Our handlers must not run in the child (it shares our memory), so all signals stay blocked until
// none is left; then nothing is blocked, whatever our mask was.
bool reset_signals() noexcept {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction current {};
    if (::sigaction(signal, nullptr, &current) != 0) continue;  // the libc's own two
    const bool keep = current.sa_handler == SIG_IGN && signal != SIGPIPE;
    if (!keep && current.sa_handler != SIG_DFL) ::sigaction(signal, &standard, nullptr);
  }
  sigset_t none;
  ::sigemptyset(&none);
  return ::sigprocmask(SIG_SETMASK, &none, nullptr) == 0;
}

[[noreturn]] void run_child(const Job& job) noexcept {
  if (job.lead_process_group && ::setpgid(0, 0) != 0) give_up(job, Step::group);
  if (!place_standard_fds(job.fds)) give_up(job, Step::descriptors);
  close_others_on_exec(job.max_fds);
  ::setrlimit(RLIMIT_NOFILE, &job.descriptors);  // the program has no use for ours; no reason to fail
  if (job.working_dir != nullptr && ::chdir(job.working_dir) != 0) give_up(job, Step::directory);
  if (!reset_signals()) give_up(job, Step::signals);
  ::execve(job.program, job.argv, job.environment);
  give_up(job, Step::exec);
}

// -- in the parent ------------------------------------------------------------------------------

class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

// A function of its own, so that no local of its caller is live across vfork's second return.
[[gnu::noinline]] pid_t start(const Job& job) noexcept {
  const pid_t pid = ::vfork();
  if (pid == 0) run_child(job);
  return pid;
}

std::string_view our_path() noexcept {
  constexpr std::string_view kName = "PATH=";
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (text.starts_with(kName)) return text.substr(kName.size());
  }
  return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

// 0, or why this is not the program. A directory on PATH that we may not search holds none: whether
// a helper is installed must not depend on whose PATH we were started with.
int check_program(const std::string& path) noexcept {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return ENOENT;
  return ::access(path.c_str(), X_OK) == 0 ? 0 : EACCES;
}

struct Search {
  std::string path;
  int errnum = ENOENT;  // 0: path is the program
};

Search search_path(const std::string& name) {
  Search search;
  for (std::string_view rest = our_path(); !name.empty() && !rest.empty();) {
    const std::size_t colon = rest.find(':');
    const std::string_view folder = rest.substr(0, colon);
    rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
    // Relative entries would run whatever the build context holds.
    if (!folder.starts_with('/')) continue;
    search.path = cat(folder, '/', name);
    const int problem = check_program(search.path);
    if (problem == 0) return {search.path, 0};
    if (problem == EACCES) search.errnum = EACCES;
  }
  return search;
}

std::string program_to_run(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  Search search = search_path(name);
  if (search.errnum != 0) throw SysError(search.errnum, cat("running ", name));
  return std::move(search.path);
}

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  // execve's parameters lack const for historical reasons only; it does not write.
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

UniqueFd open_null() {
  UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!fd) throw_errno("opening", "/dev/null");
  return fd;
}

int descriptor_limit() noexcept {
  rlimit limit{};
  constexpr rlim_t kMost = 1 << 20;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kMost;
  return static_cast<int>(limit.rlim_cur < kMost ? limit.rlim_cur : kMost);
}

std::string describe(Step step, const SpawnOptions& options) {
  switch (step) {
    case Step::group:
      return cat("making a process group for ", options.argv.front());
    case Step::descriptors:
      return cat("passing descriptors to ", options.argv.front());
    case Step::directory:
      return cat("running ", options.argv.front(), " in ", options.working_dir);
    case Step::signals:
      return cat("resetting signals for ", options.argv.front());
    case Step::exec:
      break;
  }
  return cat("running ", options.argv.front());
}

// Throws what the child reported; returns when the pipe was closed by a successful exec.
void check_started(int status_fd, ChildProcess& child, const SpawnOptions& options) {
  Failure failure{};
  ssize_t got = 0;
  do {
    got = ::read(status_fd, &failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return;
  const int errnum = got < 0 ? errno : failure.errnum;
  static_cast<void>(child.wait());  // its exit status says nothing more
  throw SysError(errnum, describe(failure.step, options));
}

UniqueFd open_pidfd(pid_t pid) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));  // close-on-exec by itself
  if (fd) return fd;
  const int errnum = errno;
  const ChildProcess stop(pid, UniqueFd());
  throw SysError(errnum, "opening a pidfd");
}

}  // namespace

std::optional<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return std::nullopt;
  Search search = search_path(name);
  if (search.errnum != 0) return std::nullopt;
  return std::move(search.path);
}

ChildProcess spawn(const SpawnOptions& options) {
  if (options.argv.empty()) throw Error(Errc::invalid, "a program to run needs a name");
  const std::string program = program_to_run(options.argv.front());
  const std::vector<char*> argv = pointers_to(options.argv);
  std::vector<char*> environment;
  if (options.environment) environment = pointers_to(*options.environment);
  const UniqueFd null = options.stdin_fd < 0 ? open_null() : UniqueFd();
  Pipe status = make_pipe();
  const Job job{
      .program = program.c_str(),
      .argv = argv.data(),
      .environment = options.environment ? environment.data() : environ,
      .working_dir = options.working_dir.empty() ? nullptr : options.working_dir.c_str(),
      .lead_process_group = options.lead_process_group,
      .descriptors = usual_descriptor_limit(),
      .fds = {null ? null.get() : options.stdin_fd,
              options.stdout_fd < 0 ? STDOUT_FILENO : options.stdout_fd,
              options.stderr_fd < 0 ? STDERR_FILENO : options.stderr_fd},
      .status_fd = status.write_end.get(),
      .max_fds = descriptor_limit(),
  };
  pid_t pid = -1;
  {
    const SignalsBlocked blocked;
    pid = start(job);
  }
  if (pid < 0) throw_errno("starting a process for", options.argv.front());
  ChildProcess child(pid, open_pidfd(pid));
  status.write_end.reset();
  check_started(status.read_end.get(), child, options);
  return child;
}

}  // namespace cooper
