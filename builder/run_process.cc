// RUN: a process over an overlay of the parent's trees, and what it changed as a layer.
#include <fcntl.h>

#include <algorithm>

#include "base/error.h"
#include "builder/sandbox/snapshot.h"
#include "builder/step_root.h"
#include "builder/step_error.h"
#include "builder/step_runner.h"
#include "builder/users.h"

namespace cooper::builder {
namespace {

constexpr std::size_t kUserFileLimitBytes = 16 << 20;

// Reads beneath the mounted root, links followed inside it.
FileLookup lookup_in(const Dir& root) {
  return [&root](const TreePath& path) -> std::optional<std::string> {
    const auto target = root.resolve(path);
    if (!target) return std::nullopt;
    const auto status = root.try_stat(*target);
    if (!status || !S_ISREG(status->st_mode)) return std::nullopt;
    return root.read_file(*target, kUserFileLimitBytes);
  };
}

bool has_variable(const std::vector<std::string>& environment, const std::string& name) {
  return std::any_of(environment.begin(), environment.end(), [&](const std::string& each) {
    return each.starts_with(name + "=");
  });
}

RunRequest make_request(const RunStep& step, const Dir& root) {
  const RunUser user = resolve_run_user(step.user, lookup_in(root));
  RunRequest request;
  request.argv = step.argv;
  request.environment = step.environment.words();
  for (const auto& [name, value] : step.proxies) {
    if (!has_variable(request.environment, name)) request.environment.push_back(name + "=" + value);
  }
  if (!has_variable(request.environment, "HOME")) request.environment.push_back("HOME=" + user.home);
  request.working_dir = step.working_dir;
  request.uid = user.uid;
  request.gid = user.gid;
  request.supplementary_gids = user.supplementary_gids;
  request.hostname = step.hostname;
  request.extra_hosts = step.extra_hosts;
  request.network = step.network;
  request.ulimits = step.ulimits;
  request.shm_bytes = step.shm_bytes;
  request.insecure = step.insecure;
  return request;
}

std::string joined(const std::vector<std::string>& argv) {
  std::string text;
  for (const std::string& word : argv) text += (text.empty() ? "" : " ") + word;
  return text;
}

// HEREDOC-09: the body as an executable file, mounted read-only at /dev/pipes/<name>.
std::optional<StackMount> mount_script(const RunStep& step, const TempDir& place, const StepStorage& storage) {
  if (!step.script) return std::nullopt;
  const Dir& scratch = place.dir();
  const TreePath name = TreePath::clean("script/body");
  scratch.make_dir(name.parent(), 0755);
  {
    const UniqueFd file = scratch.open_file(name, O_WRONLY | O_CREAT | O_EXCL, 0755);
    FdSink(file.get(), "heredoc script").write(as_bytes(step.script->second));
  }
  scratch.set_mode(name, 0755);
  const std::string home = place.host_path();
  if (!storage.no_exec()) return StackMount{nullptr, open_in_namespace(home + name.absolute())};
  for (const char* made : {"script-upper", "script-work"}) scratch.make_dir(TreePath::clean(made), 0755);
  return storage.mount_part({home + "/script"}, home + "/script-upper", home + "/script-work", TreePath::clean("body"));
}

}  // namespace

std::vector<MountJob> StepRunner::mount_jobs(const RunStep& step, const Prepared& prepared,
                                             const std::vector<StepResult>& results) const {
  std::vector<MountJob> jobs;
  for (std::size_t i = 0; i < step.mounts.size(); ++i) {
    const RunStep::Mount& mount = step.mounts[i];
    MountJob job{mount.mount, prepared.mounts[i] ? &*prepared.mounts[i] : nullptr, nullptr};
    if (mount.from && local_context(*mount.from) == nullptr) job.stack = &results[*mount.from].rootfs;
    jobs.push_back(job);
  }
  return jobs;
}

RunOutcome StepRunner::run_masked(StepId id, const RunRequest& request, const UniqueFd& root,
                                  const OutputMask& mask, std::stop_token stop) {
  OutputMask::Stream out(mask);
  OutputMask::Stream err(mask);
  const auto tell = [&](const std::string& text, bool is_stderr) {
    if (!text.empty()) progress_.output(id, text, is_stderr);
  };
  RunOutcome outcome = workshop_->runner->run(
      request, root,
      [&](std::string_view bytes, bool is_stderr) { tell((is_stderr ? err : out).pass(bytes), is_stderr); },
      std::move(stop));
  tell(out.finish(), false);
  tell(err.finish(), true);
  return outcome;
}

StepResult StepRunner::run_process(StepId id, const RunStep& step, const Prepared& prepared,
                                   const std::vector<StepResult>& results, std::stop_token stop) {
  const LayerStack& parent = results[step.parent].rootfs;
  const std::int64_t began = options_.clock().first;
  const std::unique_ptr<StepRoot> root = workshop_->roots.open(parent, stop);
  const TempDir& scratch = root->scratch();
  const auto script = mount_script(step, scratch, workshop_->storage);
  const MountNeeds needs{workshop_->trees, materializer_, workshop_->storage, options_, written_contexts_, fresh_caches_};
  const RunOutcome outcome = [&] {
    StepMounts mounts(needs, scratch, plan_.steps[id].ignore_cache);
    mounts.open(mount_jobs(step, prepared, results), stop);
    const UniqueFd mounted = root->mount();
    const Dir root_dir(mounted.duplicate(), Confine::image, "rootfs");
    RunRequest request = make_request(step, root_dir);
    if (script) {
      request.mounts.push_back({StepMount::Kind::bind,
                                TreePath::clean("/dev/pipes/" + step.script->first), script->fd.get(), true, 0});
    }
    mounts.add_to(request);
    const RunOutcome ended = run_masked(id, request, mounted, mounts.mask(), stop);
    mounts.finish(stop);
    return ended;
  }();
  root->finish(stop);
  if (!outcome.status.success()) {
    throw StepError(Errc::step_failed,
                    cat("process \"", joined(step.argv), "\" did not complete successfully: exit code: ",
                        outcome.status.shell_code()),
                    plan_.steps[id], outcome.status.shell_code());
  }
  layers::LayerWriter writer = new_layer(stop);
  root->write_layer({outcome.stubs, options_.keep_xattrs}, writer);
  layers::WrittenLayer written = std::move(writer).finish();
  const oci::DiffId ours = written.diff_id;
  const std::vector<TreePath> stripped = std::move(written.stripped);
  StepResult result = conclude(plan_.steps[id], prepared.record, parent, std::move(written), began);
  // Unless an older layer answers for it, whose times are others.
  if (result.rootfs.layers().back().diff_id == ours) root->keep(result.rootfs, stripped);
  return result;
}

}  // namespace cooper::builder
