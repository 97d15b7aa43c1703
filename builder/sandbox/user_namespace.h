// Id maps and user namespaces made of them. Private to the sandbox.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "builder/sandbox/identity.h"

namespace cooper::builder {

// What an id of the step is in the namespace cooper runs in; nullopt: not mapped.
std::optional<std::uint32_t> outside_id(const std::vector<IdRange>& map, std::uint32_t inside);

// The kernel's format, user_namespaces(7).
std::string map_text(const std::vector<IdRange>& map);
// Reads /proc/self/uid_map or gid_map. Throws Error(corrupt) on anything unexpected.
std::vector<IdRange> read_own_map(const char* path);

// Gives the user namespace that process pid has just entered the step's maps. Throws SysError.
void write_step_maps(pid_t pid, const Identity& identity);

// A user namespace with the step's maps and nobody in it, for mount_setattr(2) MOUNT_ATTR_IDMAP.
UniqueFd make_step_user_namespace(const Identity& identity);

// clone(2) with fork's memory semantics; the new process gets a pidfd. Returns 0 in the child,
// which may only make system calls; a negative errno on failure. All signals are blocked in the
// child.
long fork_with_pidfd(unsigned long namespace_flags, int& pidfd) noexcept;

}  // namespace cooper::builder
