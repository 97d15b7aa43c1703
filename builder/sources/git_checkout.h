// A commit of a remote repository: which one a source means, and its files in a directory (rows ADD-17 … ADD-23).
#pragma once

#include <string>

#include "base/dir.h"
#include "builder/sources/git_program.h"
#include "builder/sources/remote_source.h"

namespace cooper::builder {

struct GitCommit {
  std::string ref;     // full name it was found under ("refs/heads/main"), or the commit itself
  std::string object;  // what that names: a commit or an annotated tag
  std::string commit;  // the commit behind it; the same as `object` when the remote did not say
};

// Asks the remote unless the source names its commit. Errors: "repository does not contain ref", "expected checksum to
// match", "invalid checksum".
GitCommit resolve_commit(const GitProgram& git, const GitSource& source);

struct GitCheckout {
  Dir files;             // the source's subdirectory, links never followed
  std::int64_t time_s;   // the committer's
};
// Fetches as little as it can and checks out below `scratch`, submodules included. The result is the commit that was
// resolved, or an Error.
GitCheckout check_out(const GitProgram& git, const GitSource& source, const GitCommit& commit, const TempDir& scratch);

}  // namespace cooper::builder
