// Child processes owned from the line that starts them, and pipes that tell helpers we died.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace cooper {

struct ExitStatus {
  bool signalled = false;
  int value = 0;  // exit code, or signal number
  bool success() const noexcept { return !signalled && value == 0; }
  // As a shell reports it: the exit code, or 128 + signal.
  int shell_code() const noexcept { return signalled ? 128 + value : value; }
  friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

// Owns a child by pid and pidfd. The destructor kills it with SIGKILL (its process group too, when
// it leads one) and reaps it: a ChildProcess never outlives its owner and never becomes a zombie.
class ChildProcess {
 public:
  ChildProcess(pid_t pid, UniqueFd pidfd) noexcept : pid_(pid), pidfd_(std::move(pidfd)) {}
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  pid_t pid() const noexcept { return pid_; }
  int pidfd() const noexcept { return pidfd_.get(); }
  // Blocks. May be called once; afterwards the handle is empty.
  [[nodiscard]] ExitStatus wait();
  // nullopt if still running after the timeout.
  [[nodiscard]] std::optional<ExitStatus> wait_for(std::chrono::milliseconds timeout);
  void kill(int signal) noexcept;

 private:
  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

struct SpawnOptions {
  std::vector<std::string> argv;                        // argv[0] is searched on our PATH
  std::optional<std::vector<std::string>> environment;  // "K=V"; nullopt: ours
  std::string working_dir;                              // empty: ours
  int stdin_fd = -1;                                    // borrowed; -1: /dev/null
  int stdout_fd = -1;                                   // borrowed; -1: ours
  int stderr_fd = -1;
  // Then a signal from the terminal does not reach the child, and our destructor's SIGKILL reaches
  // the children it has started as well.
  bool lead_process_group = false;
};
// The absolute path of an executable file on our PATH (what spawn would run); nullopt: none there.
// Relative entries of PATH and directories that we may not search are passed over.
[[nodiscard]] std::optional<std::string> find_program(const std::string& name);

// fork + exec of a host program (newuidmap, git, ...). A failing exec throws SysError here.
// Nothing but the three standard descriptors is inherited; no signal is blocked or (SIGPIPE)
// ignored. Relative entries of PATH are passed over.
[[nodiscard]] ChildProcess spawn(const SpawnOptions& options);

struct ProgramOutput {
  ExitStatus status;
  std::string standard_output;
  std::string standard_error;
};
// Runs to completion with `input` on stdin (empty: options.stdin_fd); output beyond limit_bytes
// each is dropped. Error(cancelled) soon after stop is requested, and the child is killed.
[[nodiscard]] ProgramOutput run_program(const SpawnOptions& options, std::string_view input = {},
                                        std::size_t limit_bytes = 1 << 20,
                                        const std::stop_token& stop = {});

}  // namespace cooper
