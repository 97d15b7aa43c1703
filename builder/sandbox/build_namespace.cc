#include "builder/sandbox/build_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <thread>

#include "base/error.h"
#include "base/unique_fd.h"
#include "builder/sandbox/user_namespace.h"

namespace cooper::builder {
namespace {

constexpr std::size_t kReasonBytes = 2000;

// A child that stays outside the namespace we are about to enter, waits to be released, then does
// one thing for us. Its stderr is ours to read.
class OutsideHelper {
 public:
  explicit OutsideHelper(const std::function<int()>& work) {
    Pipe release = make_pipe();
    Pipe reason = make_pipe();
    pid_ = ::fork();
    if (pid_ < 0) throw_errno("starting", "a helper process");
    if (pid_ == 0) {
      release.write_end.reset();
      char byte = 0;
      const bool go = ::read(release.read_end.get(), &byte, 1) == 1;
      ::dup2(reason.write_end.get(), STDERR_FILENO);
      ::_exit(go ? work() : 0);
    }
    release_ = std::move(release.write_end);
    reason_ = std::move(reason.read_end);
  }
  OutsideHelper(const OutsideHelper&) = delete;
  OutsideHelper& operator=(const OutsideHelper&) = delete;
  ~OutsideHelper() {
    release_.reset();
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
  }

  // "" on success, else what it said, or its exit code.
  std::string run() {
    const char byte = 1;
    if (::write(release_.get(), &byte, 1) != 1) return "the helper process died";
    release_.reset();
    std::string said;
    char buffer[512];
    ssize_t length = 0;
    while ((length = ::read(reason_.get(), buffer, sizeof buffer)) > 0) {
      if (said.size() < kReasonBytes) said.append(buffer, static_cast<std::size_t>(length));
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
    while (!said.empty() && said.back() == '\n') said.pop_back();
    return said.empty() ? cat("it failed with status ", status) : said;
  }

 private:
  pid_t pid_ = -1;
  UniqueFd release_;
  UniqueFd reason_;
};

int exec_program(const std::vector<std::string>& argv) {
  std::vector<char*> pointers;
  for (const std::string& word : argv) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  ::execv(pointers[0], pointers.data());
  return 127;
}

void write_text(const std::string& path, const std::string& text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) throw_errno("opening", path);
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    throw_errno("writing", path);
  }
}

void unshare_user_namespace() {
  // EINVAL: there are several threads. One that was just joined counts until the kernel has let go of it.
  int errnum = EINVAL;
  for (int patience = 200; errnum == EINVAL && patience > 0; --patience) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) return;
    errnum = errno;
    if (errnum == EINVAL) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  throw Error(Errc::denied,
              cat("RUN needs a user namespace, and this system refuses one (",
                  SysError(errnum, "unshare").what(),
                  "): check the sysctls user.max_user_namespaces and "
                  "kernel.unprivileged_userns_clone, or the container's seccomp profile"));
}

void become_root() {
  if (::setresgid(0, 0, 0) != 0) throw_errno("becoming", "gid 0 of the build's user namespace");
  if (::setresuid(0, 0, 0) != 0) throw_errno("becoming", "uid 0 of the build's user namespace");
}

}  // namespace

std::string enter_with_programs(const MapPrograms& programs) {
  OutsideHelper uids([&] { return exec_program(programs.uid_argv); });
  OutsideHelper gids([&] { return exec_program(programs.gid_argv); });
  unshare_user_namespace();
  for (auto& [helper, name] : {std::pair<OutsideHelper&, std::string>{uids, programs.uid_argv[0]},
                               {gids, programs.gid_argv[0]}}) {
    if (std::string reason = helper.run(); !reason.empty()) return cat(name, ": ", reason);
  }
  become_root();
  return "";
}

void enter_with_single_id() {
  const unsigned uid = ::geteuid();
  const unsigned gid = ::getegid();
  unshare_user_namespace();
  map_single_id(uid, gid);
}

void map_single_id(unsigned uid, unsigned gid) {
  // Without this a process could leave a group that denies it something, user_namespaces(7).
  write_text("/proc/self/setgroups", "deny");
  write_text("/proc/self/uid_map", cat("0 ", uid, " 1\n"));
  write_text("/proc/self/gid_map", cat("0 ", gid, " 1\n"));
  become_root();
}

void enter_with_own_maps(const std::vector<IdRange>& uids, const std::vector<IdRange>& gids) {
  const pid_t self = ::getpid();
  OutsideHelper helper([&] {
    try {
      write_text(cat("/proc/", self, "/uid_map"), map_text(uids));
      write_text(cat("/proc/", self, "/gid_map"), map_text(gids));
      return 0;
    } catch (const Error& error) {
      const std::string_view text = error.what();
      return ::write(STDERR_FILENO, text.data(), text.size()) < 0 ? 2 : 1;
    }
  });
  unshare_user_namespace();
  if (const std::string reason = helper.run(); !reason.empty()) {
    throw Error(Errc::denied,
                cat("cannot map this container's ids into the build's namespace: ", reason));
  }
  become_root();
}

void make_mounts_private() {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) return;
  const int errnum = errno;
  throw Error(Errc::denied,
              cat("RUN needs mounts of its own, and this system refuses them (",
                  SysError(errnum, "making mounts private").what(),
                  "): on Ubuntu see the sysctl kernel.apparmor_restrict_unprivileged_userns"));
}

}  // namespace cooper::builder
