// The mounts of one RUN, made and kept for as long as its process runs (rows MNT-09 … MNT-26). Private to the executor.
//
//   bind    a local context: the selected part, written to a directory of the build (nothing else of the host is seen);
//           anything else: that part of an overlay of its layers. rw: with a scratch layer that is thrown away.
//   cache   a directory of the store, locked as its sharing says
//   tmpfs   made by the sandbox
//   secret  in memory only: a file made by the sandbox, a variable, or both
//   ssh     a socket of a proxy that lists and signs only
//
// Trees are brought first and locks taken last, those of one step in one order for all, so that no two steps can wait for
// each other.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/temp_dir.h"
#include "builder/executor.h"
#include "builder/mount_source.h"
#include "builder/output_mask.h"
#include "builder/sandbox/snapshot.h"
#include "builder/ssh_proxy.h"

namespace cooper::builder {

// Parts of local contexts (and of stages, where there are no overlays) as directories, each written once per build;
// gone with it.
class WrittenContexts {
 public:
  // Its path. The files of source can be opened.
  std::string directory_of(const MountSource& source, cache::Store& trees);

 private:
  Guarded<std::map<oci::Digest, TempDir>> directories_;
};

// Cache mounts that this build has begun afresh already (MNT-17): once is enough.
class FreshCaches {
 public:
  bool begin(const oci::Digest& identity) {
    return begun_.with([&](auto& begun) { return begun.insert(identity).second; });
  }

 private:
  Guarded<std::set<oci::Digest>> begun_;
};

// What all steps of a build share.
struct MountNeeds {
  cache::Store& trees;  // the store that holds them, and RUN cache mounts
  Materializer& materializer;
  const StepStorage& storage;
  const ExecuteOptions& options;
  WrittenContexts& contexts;
  FreshCaches& fresh_caches;
};

// One mount, its source found.
struct MountJob {
  const parser::RunMount& mount;
  const MountSource* source = nullptr;  // null: it has none
  const LayerStack* stack = nullptr;    // the source's layers; null: a local context
};

class StepMounts {
 public:
  // scratch: a directory of the step's own on the store's file system; borrowed, as all the rest. fresh: the step does
  // not take from the cache (--no-cache).
  StepMounts(const MountNeeds& needs, const TempDir& scratch, bool fresh) : needs_(needs), scratch_(scratch), fresh_(fresh) {}

  // Error(not_found) "secret x: not found", `no SSH key "x" forwarded from the client`.
  void open(const std::vector<MountJob>& jobs, std::stop_token stop);
  // Mounts, parents before children (MNT-08), and variables.
  void add_to(RunRequest& request) const;
  OutputMask mask() const { return OutputMask(secrets_); }
  // After the process: Error(io) when a mount may not have shown everything to it.
  void finish(const std::stop_token& stop);

 private:
  struct Cache {
    cache::CacheMountRequest request;
    MountJob job;
    std::size_t index = 0;  // into mounts_
  };

  void add_bind(const MountJob& job, std::stop_token stop);
  void add_copied_bind(const MountJob& job, StepMount mount, std::stop_token stop);
  void add_secret(const parser::RunMount& mount);
  void add_ssh(const parser::RunMount& mount);
  void add_cache(const MountJob& job);
  void take_caches(std::stop_token stop);
  void fill_cache(const Cache& cache, const Dir& directory, std::stop_token stop) const;
  void hold(StepMount mount, UniqueFd source);

  const MountNeeds& needs_;
  const TempDir& scratch_;
  bool fresh_;
  std::vector<std::unique_ptr<layers::FuseOverlay>> servers_;  // of some of these, which go before them:
  std::vector<UniqueFd> sources_;                              // what the mounts borrow
  std::vector<StepMount> mounts_;
  std::vector<std::pair<std::string, std::string>> variables_;
  std::vector<std::string> secrets_;
  std::vector<Cache> caches_;
  std::map<oci::Digest, std::unique_ptr<cache::CacheMount>> held_caches_;
  std::vector<std::unique_ptr<SshProxy>> proxies_;
};

}  // namespace cooper::builder
