// Who we are on this machine, and how ids inside a build relate to ids outside (design section 6,
// rung 1).
//
// Entered once per process, before any thread starts:
//   host root            stays root in a private mount namespace; steps run in a user namespace
//   whose ids 0… are a high
//                        range of the host without its id 0, over id-mapped mounts; the store stays
//                        0-based.
//   root in a namespace  (its map is not the full one) steps get that map.
//   plain user           enters a user namespace made with newuidmap/newgidmap (or, alone, his one
//   id);
//                        store operations with mapped ids happen inside.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace cooper::builder {

struct IdRange {
  std::uint32_t inside = 0;
  std::uint32_t outside = 0;
  std::uint32_t count = 0;
  friend bool operator==(const IdRange&, const IdRange&) = default;
};

struct Identity {
  enum class Kind { host_root, namespaced_root, sub_ids, single_id };
  Kind kind = Kind::host_root;
  // Maps of a step's user namespace relative to the namespace we are in after
  // enter_build_namespace.
  std::vector<IdRange> step_uids;
  std::vector<IdRange> step_gids;
  bool id_mapped_mounts = false;     // host root: trees are seen through an id-mapped mount
  std::string mapping;               // name for Store trees: "0" when ids on disk are the image's
  std::vector<std::string> notices;  // one line each, for the user
};

// Makes (or decides not to need) the build's user and mount namespace. Single-threaded callers
// only. Throws Error(denied) with one line that says what is missing (newuidmap, /etc/subuid entry,
// user namespaces forbidden). Idempotent: a second call returns the same identity.
const Identity& enter_build_namespace();

// How results of RUN steps here may differ from those of a machine where every id exists: "" when
// they don't, else "one id" or "N ids" (of users or groups, whichever are fewer). The usual grant
// to a user, 65536 ids, counts as all: it is enough for what images hold.
std::string id_class(const Identity& identity);

// Error(denied) naming "user 5" or "group 5" and what would help, unless steps have that id.
void require_step_ids(const Identity& identity, std::uint32_t uid, std::uint32_t gid);

}  // namespace cooper::builder
