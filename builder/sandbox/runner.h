// Runs one process of a RUN step in a sandbox over a mounted root. The seam between planning and
// the kernel.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/child_process.h"
#include "base/dir.h"
#include "base/tree_path.h"
#include "base/unique_fd.h"

namespace cooper::builder {

enum class Network { host, none };

struct Ulimit {
  std::string name;  // "nofile", "nproc", …
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
  friend bool operator==(const Ulimit&, const Ulimit&) = default;
};

struct ExtraHost {
  std::string name;
  std::string address;
  friend bool operator==(const ExtraHost&, const ExtraHost&) = default;
};

// Something mounted for the step besides the standard mounts; target is a path in the rootfs.
struct StepMount {
  enum class Kind {
    bind,
    tmpfs,
    memory_file,  // read-only; its bytes never leave memory
  };
  Kind kind = Kind::bind;
  TreePath target;
  int source_fd =
      -1;  // bind: borrowed O_PATH descriptor of a file or directory (or a detached mount)
  bool read_only = true;
  std::uint64_t size_bytes = 0;  // tmpfs; 0: the kernel's default
  // memory_file, as the step sees it
  std::string content = {};
  std::uint32_t mode = 0400;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

struct RunRequest {
  std::vector<std::string>
      argv;  // argv[0] searched on the environment's PATH inside the root, as execvpe
  std::vector<std::string> environment;  // complete: "K=V"
  std::string working_dir = "/";         // made when missing, 0755, owned by the run user (RUN-06)
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> supplementary_gids;
  std::string hostname = "buildkitsandbox";
  std::vector<ExtraHost> extra_hosts;
  Network network = Network::host;
  std::vector<Ulimit> ulimits;
  std::uint64_t shm_bytes = std::uint64_t{64} << 20;
  std::vector<StepMount> mounts;  // in this order: parents first
  bool insecure = false;  // --security=insecure
};

struct RunOutcome {
  ExitStatus status;
  std::vector<TreePath>
      stubs;  // mount points made for the step that may be left over (DiffOptions::stubs)
};

// Called from the thread that waits for the step, in order, as output arrives.
using OutputHandler = std::function<void(std::string_view bytes, bool is_stderr)>;

class Runner {
 public:
  virtual ~Runner() = default;
  // root: a mount as made by layers::mount_overlay (or a plain directory), writable. Blocks until
  // the step's pid namespace is empty. stop kills the step as a whole and throws Error(cancelled).
  // A program that cannot be started is an ExitStatus 127/126 with the reason as output, as a shell
  // reports it; a sandbox that cannot be built is an Error that names the operation. Thread-safe:
  // steps run side by side.
  virtual RunOutcome run(const RunRequest& request, const UniqueFd& root,
                         const OutputHandler& output, std::stop_token stop) = 0;
};

struct Identity;
// staging_path: an existing directory of ours, used as mount point inside the step's own mount
// namespace only.
std::unique_ptr<Runner> make_namespace_runner(const Identity& identity, std::string staging_path);

}  // namespace cooper::builder
