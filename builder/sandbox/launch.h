// What a step's last process before the program and the launcher (builder/launcher) have agreed on.
// Free of everything else: the launcher is linked without any library.
#pragma once

#include <cstdint>

namespace cooper::builder {

struct StepMessage {
  enum class Kind : std::int32_t {
    setup_failed,   // operation `index` with errnum
    limit_refused,  // operation `index` with errnum; goes on
    entered,        // the user namespace waits for its maps; answered by one byte
    stage_failed,   // PayloadStage `index` with errnum
    exec_failed,    // with errnum
    ended,          // the program, with wait status `value`
  };
  Kind kind;
  std::int32_t index = 0;
  std::int32_t errnum = 0;
  std::int32_t value = 0;
};

// Beside the standard ones. The program gets neither.
inline constexpr int kControlFd = 3;   // what fails is told here
inline constexpr int kLauncherFd = 4;  // the launcher itself

}  // namespace cooper::builder
