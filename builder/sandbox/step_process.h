// The two processes of a step, and what they tell cooper. Private to the sandbox.
//
//   cooper --fork, new namespaces--> step init (pid 1) --fork--> the program
//
// Step init builds the sandbox, enters the step's user namespace and starts the program; then it
// reaps, and ends when the program does, when cooper kills it, or when the liveness pipe reports
// that cooper is gone. With it the kernel kills everything else in the pid namespace (RUN-21). Both
// are forked, not exec'd, before the program: they hold a copy of cooper's memory, and are
// therefore not dumpable, so that no process of the step may look into them. The last of them
// executes the launcher (builder/launcher), and only that looks for the program.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "builder/sandbox/launch.h"
#include "builder/sandbox/setup_program.h"

namespace cooper::builder {

enum class PayloadStage : std::int32_t {
  enter_namespace,
  take_ids,
  start_program,
  standard_files,
  limits,
  groups,
  working_dir,
  capabilities,
  filter,
  user,
  launcher,
};
const char* describe(PayloadStage stage) noexcept;

struct LimitPlan {
  int resource = 0;
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

// Everything borrowed; valid until the fork has happened.
struct PayloadPlan {
  char* const* launch_argv = nullptr;  // the launcher's, with the program's at its end
  char* const* environment = nullptr;
  const char* working_dir = nullptr;
  uid_t uid = 0;
  gid_t gid = 0;
  const gid_t* groups = nullptr;
  std::size_t group_count = 0;
  bool set_groups = true;  // false: setgroups(2) is denied in the build's namespace
  const LimitPlan* limits = nullptr;
  std::size_t limit_count = 0;
  std::uint64_t capabilities = 0;
  const sock_fprog* filter = nullptr;
  int stdin_fd = -1;  // > 2, as all descriptors here
  int stdout_fd = -1;
  int stderr_fd = -1;
  int launcher_fd = -1;
};

struct InitPlan {
  const SetupOperation* operations = nullptr;
  std::size_t operation_count = 0;
  PayloadPlan payload;
  int control_fd = -1;  // a sequenced-packet socket
  int liveness_fd = -1;
  int liveness_writer_fd = -1;  // cooper's own end: a copy here would keep the step alive
  char* arguments = nullptr;    // cooper's command line, which pid 1 must not show to the step
  std::size_t arguments_bytes = 0;
};

[[noreturn]] void run_step_init(const InitPlan& plan) noexcept;
[[noreturn]] void run_step_payload(const PayloadPlan& plan, int control_fd) noexcept;

// For both: tells cooper. A lost message means a lost cooper, whose liveness pipe ends us anyway.
void send(int control_fd, const StepMessage& message) noexcept;
void close_all_but(int first, int second) noexcept;

}  // namespace cooper::builder
