// Where results go, tried before any work: what can't be written is told now, and not after an hour of building.
#pragma once

#include <vector>

#include "cmd/target_results.h"

namespace cooper::cmd {

// Makes nothing that stays. Error(invalid) for a file that is a directory, a directory that is a file or a link to
// nothing, a file in no directory; Error(denied|io) where the system says no.
void check_destinations(const std::vector<TargetResult>& results);

// Once those are tried: an image ID of an earlier build must not be taken for that of one which fails (OUT-22).
void drop_stale_files(const std::vector<TargetResult>& results);

}  // namespace cooper::cmd
