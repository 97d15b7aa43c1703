// Performs a setup program in a freshly forked process. System calls only.
#pragma once

#include "builder/sandbox/setup_program.h"

namespace cooper::builder {

// 0, or an errno.
int perform(const SetupOperation& operation) noexcept;

}  // namespace cooper::builder
