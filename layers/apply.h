// Layer tars into directories (overlay lower directories) and tables.
//
// The directory gets what the kernel lets us set; the table gets everything. A device node, an
// owner outside our id map or a refused xattr has a stand-in: devices become empty regular files,
// and the difference is kept in the xattr "user.cooper.override" of files and directories so that a
// RUN that copies or renames the stand-in carries it along (diff.h reads it back). Names in
// user.overlay.* and trusted.overlay.* and user.cooper.* that come from a tar never reach a
// directory.
#pragma once

#include <memory>

#include "base/byte_stream.h"
#include "base/dir.h"
#include "layers/entry.h"
#include "layers/standin.h"
#include "layers/table.h"
#include "layers/tree.h"

namespace cooper::layers {

// How a directory shows whiteouts and opaque directories.
enum class Hiding {
  marked,    // as overlayfs wants them; some file systems refuse these marks
  named,     // by names as in layer tars, for fuse-overlayfs (fuse_overlay.h); and without hard
             // links, as it would do to all names of a file what a step does to one
  left_out,  // not at all: the table knows
};

// Reads a layer tar (any compression) into an empty directory, as an overlay lower directory:
// whiteouts as 0:0 character devices, opaque directories with user.overlay.opaque=y. `below`
// supplies what the layer leaves unsaid: metadata of parent directories it does not list, and
// hard-link targets in lower layers (copied). Hostile members ("..", links out, a symlink as
// parent) stay inside or are Error(invalid) naming the member.
Table apply_layer(std::unique_ptr<ByteSource> tar, const Dir& into, const StandInSeal& seal,
                  const Tree& below, const TarLimits& limits, const std::string& name);

// Owner, mode, attributes and time of a directory entry for a directory that is there, with a
// stand-in for what the kernel refuses: the upper directory of an overlay is what its root looks
// like.
void set_directory(const Dir& directory, const Entry& entry, const StandInSeal& seal);

// The table alone; nothing touches a disk. With `expected`: Error(corrupt) when the tar's diffID is
// another.
Table read_table(std::unique_ptr<ByteSource> tar, const TarLimits& limits, const std::string& name,
                 const std::optional<oci::DiffId>& expected = std::nullopt);

// What was applied: the rows as they are over `below`, and those of the tar alone (read_table's),
// which are the same for every layer below and may be kept under the diffID.
struct Applied {
  Table over_below;
  Table alone;
};

// apply_layer, with the diffID computed on the way and checked: Error(corrupt) when it is not
// `expected`.
Applied apply_verified(std::unique_ptr<ByteSource> tar, const Dir& into, const StandInSeal& seal,
                       const Tree& below, const oci::DiffId& expected, const TarLimits& limits,
                       const std::string& name, Hiding hiding = Hiding::marked);

}  // namespace cooper::layers
