// One running step, seen from cooper: starts it, gives it its maps, carries its output. Private to
// the sandbox.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "base/child_process.h"
#include "base/unique_fd.h"
#include "builder/sandbox/identity.h"
#include "builder/sandbox/runner.h"
#include "builder/sandbox/setup_program.h"
#include "builder/sandbox/step_process.h"

namespace cooper::builder {

// What is common to all steps of a runner.
struct SessionHost {
  const Identity& identity;
  const Pipe& liveness;
};

class StepSession {
 public:
  // The pipes belong to the step's user. Borrows everything for the session's life.
  StepSession(const SessionHost& host, const RunRequest& request, const SetupProgram& program);

  // Forks. Then blocks until nothing of the step is left. Once only.
  ExitStatus run(InitPlan plan, const OutputHandler& output, std::stop_token stop);

 private:
  void fork(const InitPlan& plan);
  void pump(const OutputHandler& output);
  bool read_output(UniqueFd& fd, bool is_stderr, const OutputHandler& output) const;
  bool read_message(const OutputHandler& output);
  void handle(const StepMessage& message, const OutputHandler& output);
  void give_maps();
  std::string exec_reason(int errnum) const;

  const SessionHost& host_;
  const RunRequest& request_;
  const SetupProgram& program_;
  Pipe stdout_;
  Pipe stderr_;
  UniqueFd control_;
  UniqueFd step_control_;
  std::optional<ChildProcess> init_;
  std::optional<ExitStatus> ended_;
};

}  // namespace cooper::builder
