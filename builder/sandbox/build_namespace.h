// Entering a new user namespace as a whole process. Private to the sandbox.
#pragma once

#include <string>
#include <vector>

#include "builder/sandbox/identity.h"

namespace cooper::builder {

// How a process outside gives our new namespace its maps.
struct MapPrograms {
  std::vector<std::string>
      uid_argv;  // newuidmap PID …; empty: we write our single-id maps ourselves
  std::vector<std::string> gid_argv;
};

// unshare(2) into new user and mount namespaces with the ids that programs give, then become id 0
// in it. Single-threaded callers only. Returns "" on success and otherwise why the programs failed;
// the process is then in the new namespace without maps.
std::string enter_with_programs(const MapPrograms& programs);
// The same without help: one uid and one gid, setgroups(2) denied.
void enter_with_single_id();
// As enter_with_programs, for a root without CAP_SYS_ADMIN but with CAP_SETUID: a child left
// outside writes the maps.
void enter_with_own_maps(const std::vector<IdRange>& uids, const std::vector<IdRange>& gids);
// After enter_with_programs failed: the same as enter_with_single_id, inside the namespace.
void map_single_id(unsigned uid, unsigned gid);

// Stops mounts of ours from reaching anybody, and anybody's from reaching us.
void make_mounts_private();

}  // namespace cooper::builder
