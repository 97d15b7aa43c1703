// RUN --mount, as far as it can be judged without running (rows MNT-*): targets made absolute, identities named, sources
// found.
#include <string_view>
#include <utility>

#include "base/error.h"
#include "builder/stage_planner.h"

namespace cooper::builder {
namespace {

using parser::MountType;

// MNT-14: as written, so that equal relative targets are one cache whatever the working directory.
std::string clean_name(const std::string& target) {
  const TreePath path = TreePath::clean(target);
  if (target.starts_with('/')) return path.absolute();
  return path.is_root() ? "." : path.str();
}

std::string last_component(const std::string& path) { return std::string(TreePath::clean(path).name()); }

// MNT-19, MNT-20. An env secret has a file only if it says where (MNT-21).
void complete_secret(parser::RunMount& mount) {
  if (!mount.source.empty()) mount.id = mount.source;
  if (mount.id.empty()) mount.id = last_component(mount.target);
  mount.source.clear();
  if (mount.target.empty() && !mount.env) mount.target = "/run/secrets/" + last_component(mount.id);
}

// MNT-24. `number` counts the step's ssh mounts.
void complete_ssh(parser::RunMount& mount, std::size_t number) {
  if (mount.id.empty()) mount.id = "default";
  if (mount.target.empty()) mount.target = cat("/run/buildkit/ssh_agent.", number);
}

}  // namespace

// MNT-08.
std::string StagePlanner::mount_target(const std::string& written) const {
  const std::string target = absolute(written);
  if (target == "/") throw parser::DockerfileError(cat("invalid mount target \"", target, "\""));
  return target;
}

std::optional<StepId> StagePlanner::mount_from(const parser::RunMount& mount) {
  const bool has_source = mount.type == MountType::bind || mount.type == MountType::cache;
  if (!has_source) return std::nullopt;
  if (!mount.from.empty()) return plan_.files_of(mount.from, text_.index, false, "mount", stage_.platform);
  if (mount.type == MountType::bind) return plan_.context("");
  // A cache that begins with nothing has no part to begin with.
  const TreePath part = TreePath::clean(mount.source);
  if (!part.is_root()) throw parser::DockerfileError(cat("\"", part.absolute(), "\": not found"), {}, Errc::not_found);
  return std::nullopt;
}

void StagePlanner::plan_mounts(const parser::Run& run, RunStep& step) {
  if (run.mounts.empty()) return;
  std::size_t ssh_mounts = 0;
  bool names_agent = stage_.scope.lookup()("SSH_AUTH_SOCK").has_value();
  for (const std::string& text : run.mounts) {
    RunStep::Mount planned;
    parser::RunMount& mount = planned.mount;
    mount = parser::parse_mount(text, [this](const std::string& value) { return expand(value); });
    if (mount.type == MountType::secret) complete_secret(mount);
    if (mount.type == MountType::ssh) {
      complete_ssh(mount, ssh_mounts++);
      if (!std::exchange(names_agent, true)) step.environment.append("SSH_AUTH_SOCK=" + mount.target);
    }
    if (auto* recorder = plan_.recorder()) recorder->mount(text_.index, mount, range_);
    const bool no_file = mount.type == MountType::secret && mount.target.empty();
    const std::string written = mount.target;
    if (!no_file) mount.target = mount_target(written);
    if (mount.type == MountType::cache) {
      if (mount.id.empty()) mount.id = clean_name(written);
      const auto& build_args = plan_.globals().build_args();
      const auto name_space = build_args.find("BUILDKIT_CACHE_MOUNT_NS");
      mount.id = cat(name_space == build_args.end() ? "" : name_space->second, "/", mount.id);
    }
    planned.from = mount_from(mount);
    step.mounts.push_back(std::move(planned));
  }
}

}  // namespace cooper::builder
