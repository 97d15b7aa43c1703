// Users and groups as the rootfs of a step knows them (rows USER-02 … USER-04, COPY-19 … COPY-21, RUN-04).
//
// Only /etc/passwd and /etc/group of the tree are read (its own symlinks followed inside it), never the host's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/tree_path.h"
#include "layers/copy.h"

namespace cooper::builder {

// Text of a file of the rootfs; nullopt when it is not there.
using FileLookup = std::function<std::optional<std::string>(const TreePath& path)>;

struct RunUser {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> supplementary_gids;
  std::string home = "/";
  friend bool operator==(const RunUser&, const RunUser&) = default;
};

// USER text ("", "name", "1000", "u:g", "1000:1000") for running a process. Error(not_found) names the user or group
// that the files do not have.
RunUser resolve_run_user(const std::string& text, const FileLookup& files);

// --chown text. A lone number is the group too (COPY-20); an unknown name is Error(not_found) naming it and the file
// looked at (COPY-21).
layers::Owner resolve_owner(const std::string& text, const FileLookup& files);
// WORKDIR-03: who owns a directory that a stage's USER makes. As resolve_owner, but what the files do not have is root.
layers::Owner resolve_dir_owner(const std::string& text, const FileLookup& files);
// True when resolve_owner would have to look a name up.
bool owner_needs_lookup(const std::string& text);

}  // namespace cooper::builder
