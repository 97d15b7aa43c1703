#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/descriptor_limit.h"
#include "base/error.h"
#include "builder/sandbox/launcher.h"
#include "builder/sandbox/mount_stubs.h"
#include "builder/sandbox/runner.h"
#include "builder/sandbox/sandbox_mounts.h"
#include "builder/sandbox/seccomp_filter.h"
#include "builder/sandbox/step_session.h"
#include "builder/sandbox/ulimits.h"

namespace cooper::builder {
namespace {

constexpr const char* kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";  // RUN-03

// CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW,
// SYS_CHROOT, MKNOD, AUDIT_WRITE, SETFCAP (RUN-13), as bits by capability number.
constexpr std::uint64_t kDefaultCapabilities = 0xa80425fb;
constexpr std::uint64_t kAllCapabilities = ~std::uint64_t{0};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

std::string_view search_path(const std::vector<std::string>& environment) {
  constexpr std::string_view kPrefix = "PATH=";
  std::string_view found = kDefaultPath;
  for (const std::string& entry : environment) {
    if (entry.starts_with(kPrefix)) found = entry;
  }
  return found.substr(kPrefix.size());
}

// Where execvpe would look, in its order.
std::vector<std::string> candidates(const RunRequest& request) {
  const std::string& program = request.argv.front();
  if (program.find('/') != std::string::npos) return {program};
  std::vector<std::string> paths;
  if (program.empty()) return paths;
  std::string_view rest = search_path(request.environment);
  for (;;) {
    const std::size_t colon = rest.find(':');
    const std::string dir(rest.substr(0, colon));
    paths.push_back(dir.empty() ? program : cat(dir, "/", program));
    if (colon == std::string_view::npos) return paths;
    rest.remove_prefix(colon + 1);
  }
}

// As builder/launcher takes them.
std::vector<std::string> launcher_arguments(const RunRequest& request) {
  const std::vector<std::string> paths = candidates(request);
  std::vector<std::string> words = {std::to_string(paths.size())};
  words.insert(words.end(), paths.begin(), paths.end());
  words.insert(words.end(), request.argv.begin(), request.argv.end());
  return words;
}

// Where the kernel keeps this process's command line, proc(5) stat, fields 48 and 49.
struct CommandLine {
  char* start = nullptr;
  std::size_t size_bytes = 0;
};
CommandLine own_command_line() {
  std::ifstream file("/proc/self/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t after_name = text.rfind(')');
  if (after_name == std::string::npos) return {};
  std::istringstream fields(text.substr(after_name + 1));
  std::vector<std::string> values{std::istream_iterator<std::string>(fields), {}};
  constexpr std::size_t kStart = 48 - 3;  // the first field after the name is number 3
  if (values.size() <= kStart + 1) return {};
  const auto start = static_cast<std::uintptr_t>(std::stoull(values[kStart]));
  const auto end = static_cast<std::uintptr_t>(std::stoull(values[kStart + 1]));
  if (start == 0 || end <= start) return {};
  return {reinterpret_cast<char*>(start), end - start};
}

// Where our own groups were mapped without privilege, setgroups(2) is off for good.
bool may_set_groups() {
  std::ifstream file("/proc/self/setgroups");
  std::string word;
  return !(file >> word) || word != "deny";
}

// A step sees the limit that cooper was started with, unless it asks for another.
std::vector<LimitPlan> limits_of(const RunRequest& request) {
  std::vector<LimitPlan> limits = plan_limits(request.ulimits);
  const bool asked = std::any_of(limits.begin(), limits.end(), [](const LimitPlan& limit) {
    return limit.resource == RLIMIT_NOFILE;
  });
  const rlimit usual = usual_descriptor_limit();
  if (!asked) limits.push_back({RLIMIT_NOFILE, usual.rlim_cur, usual.rlim_max});
  return limits;
}

void check_request(const RunRequest& request, const Identity& identity) {
  if (request.argv.empty()) throw Error(Errc::invalid, "a step needs a program to run");
  // A program would get what is before it, as its whole.
  const auto refuse_nul = [](const std::string& word, const char* what) {
    if (word.find('\0') != std::string::npos)
      throw Error(Errc::invalid, cat(what, " of a step holds a NUL byte"));
  };
  for (const std::string& word : request.argv) refuse_nul(word, "an argument");
  for (const std::string& word : request.environment) refuse_nul(word, "the environment");
  require_step_ids(identity, request.uid, request.gid);
}

class NamespaceRunner : public Runner {
 public:
  NamespaceRunner(const Identity& identity, std::string staging_path)
      : identity_(identity),
        staging_path_(std::move(staging_path)),
        liveness_(make_pipe()),
        host_(identity),
        command_line_(own_command_line()),
        may_set_groups_(may_set_groups()),
        launcher_(place_launcher()) {}

  RunOutcome run(const RunRequest& request, const UniqueFd& root, const OutputHandler& output,
                 std::stop_token stop) override;

 private:
  ExitStatus run_program(const RunRequest& request, const std::vector<LimitPlan>& limits,
                         const SetupProgram& program, const OutputHandler& output,
                         std::stop_token stop);

  const Identity& identity_;
  std::string staging_path_;
  Pipe liveness_;
  HostMounts host_;
  CommandLine command_line_;
  bool may_set_groups_;
  UniqueFd launcher_;
};

RunOutcome NamespaceRunner::run(const RunRequest& request, const UniqueFd& root,
                                const OutputHandler& output, std::stop_token stop) {
  check_request(request, identity_);
  const std::vector<LimitPlan> limits = limits_of(request);
  UniqueFd step_root = host_.copy_for_step(root.get(), false);
  const Dir root_dir(step_root.duplicate(), Confine::image, "the step's root");
  MountStubs stubs(root_dir, identity_);
  stubs.make_working_dir(TreePath::clean(request.working_dir), request.uid, request.gid);
  const SetupProgram program =
      plan_sandbox({request, limits, identity_, staging_path_, stubs, host_}, std::move(step_root));
  RunOutcome outcome;
  outcome.status = run_program(request, limits, program, output, stop);
  outcome.stubs = stubs.remove();
  return outcome;
}

ExitStatus NamespaceRunner::run_program(const RunRequest& request,
                                        const std::vector<LimitPlan>& limits,
                                        const SetupProgram& program, const OutputHandler& output,
                                        std::stop_token stop) {
  const std::vector<std::string> launch = launcher_arguments(request);
  const std::vector<char*> launch_argv = pointers(launch);
  const std::vector<char*> environment = pointers(request.environment);
  const std::vector<gid_t> groups(request.supplementary_gids.begin(),
                                  request.supplementary_gids.end());
  const auto& instructions = request.insecure ? insecure_seccomp_filter() : step_seccomp_filter();
  const sock_fprog filter{static_cast<unsigned short>(instructions.size()),
                          const_cast<sock_filter*>(instructions.data())};
  InitPlan plan;
  plan.arguments = command_line_.start;
  plan.arguments_bytes = command_line_.size_bytes;
  plan.payload = {.launch_argv = launch_argv.data(),
                  .environment = environment.data(),
                  .working_dir = request.working_dir.c_str(),
                  .uid = request.uid,
                  .gid = request.gid,
                  .groups = groups.data(),
                  .group_count = groups.size(),
                  .set_groups = may_set_groups_,
                  .limits = limits.data(),
                  .limit_count = limits.size(),
                  .capabilities = request.insecure ? kAllCapabilities : kDefaultCapabilities,
                  .filter = &filter,
                  .launcher_fd = launcher_.get()};
  const SessionHost host{identity_, liveness_};
  StepSession session(host, request, program);
  return session.run(plan, output, std::move(stop));
}

}  // namespace

std::unique_ptr<Runner> make_namespace_runner(const Identity& identity, std::string staging_path) {
  return std::make_unique<NamespaceRunner>(identity, std::move(staging_path));
}

}  // namespace cooper::builder
