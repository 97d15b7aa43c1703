// The instructions of a stage that make steps: RUN, COPY, ADD.
#include <algorithm>

#include "base/error.h"
#include "builder/history_text.h"
#include "builder/stage_planner.h"
#include "layers/copy.h"

namespace cooper::builder {
namespace {

bool is_url(const std::string& source) {
  return source.starts_with("http://") || source.starts_with("https://");
}

// ADD-16: what a COPY refuses and an ADD fetches.
bool is_git(const std::string& source) {
  const std::string_view path(source.data(), source.find_first_of("#?"));
  return source.starts_with("git@") || source.starts_with("ssh://") || source.starts_with("git://") ||
         (is_url(source) && path.ends_with(".git"));
}

bool names_directory(const std::string& destination) {
  return destination.empty() || destination == "." || destination.ends_with("/") ||
         destination.ends_with("/.");
}

}  // namespace

bool StagePlanner::allowed(const std::string& entitlement) const {
  const auto& list = plan_.options().allowed;
  return std::find(list.begin(), list.end(), entitlement) != list.end();
}

Network StagePlanner::network_of(const parser::Run& run) const {
  switch (run.network) {
    case parser::NetworkMode::none: return Network::none;
    case parser::NetworkMode::host:
      if (!allowed("network.host")) {
        throw parser::DockerfileError("network.host is not allowed", {}, Errc::denied);  // SEC-05
      }
      return Network::host;
    case parser::NetworkMode::standard: break;
  }
  return plan_.options().network.value_or(Network::host);
}

void StagePlanner::operator()(const parser::Run& run) {
  RunStep step;
  step.parent = stage_.result.rootfs;
  step.environment = stage_.scope.environment();
  if (!EnvironmentList(step.environment).get("PATH")) step.environment.emplace_back(kDefaultPath);
  step.proxies = proxy_variables(plan_.globals().build_args());
  step.working_dir = stage_.result.config.working_dir;
  step.user = stage_.result.config.user;
  step.network = network_of(run);
  step.extra_hosts = plan_.options().extra_hosts;
  step.ulimits = plan_.options().ulimits;
  step.shm_bytes = plan_.options().shm_bytes;
  const auto& build_args = plan_.globals().build_args();
  if (const auto name = build_args.find("BUILDKIT_SANDBOX_HOSTNAME"); name != build_args.end()) {
    step.hostname = name->second;
  }
  if (run.security == parser::SecurityMode::insecure) {
    if (!allowed("security.insecure")) {
      throw parser::DockerfileError("security.insecure is not allowed", {}, Errc::denied);
    }
    step.insecure = true;
  }
  if (!run.devices.empty()) {
    throw parser::DockerfileError("device feature is only supported in Dockerfile labs", {}, Errc::unsupported);
  }
  plan_mounts(run, step);
  if (!run.command.shell_form) {
    step.argv = run.command.args;
  } else if (auto script = parser::run_script(run)) {
    step.argv = {"/dev/pipes/" + script->first};
    step.script = std::move(script);
  } else {
    step.argv = with_shell(parser::run_text(run));
  }
  std::vector<std::string> words = stage_.scope.history_prefix();
  words.insert(words.end(), step.argv.begin(), step.argv.end());
  const std::string created_by = "RUN " + join_words(words) + " # buildkit";
  const std::string shown = "RUN " + (run.command.shell_form && !step.script ? parser::run_text(run)
                                                                            : join_words(step.argv));
  record(created_by, add_step(std::move(step), shown));
}

void StagePlanner::copy_files(CopyStep step, const std::vector<std::string>& sources,
                              const std::vector<parser::Heredoc>& heredocs, const std::string& destination,
                              const std::string& keyword) {
  step.parent = stage_.result.rootfs;
  step.chown = expand(step.chown);
  step.chmod = expand(step.chmod);
  if (!step.chmod.empty()) static_cast<void>(layers::ModeChange::parse(step.chmod));
  const std::string expanded_destination = expand(destination);
  step.destination = absolute(expanded_destination);
  if (names_directory(expanded_destination) && step.destination != "/") step.destination += "/";
  for (const parser::Heredoc& heredoc : heredocs) {
    step.heredocs.emplace_back(heredoc.name, heredoc.expand
                                                 ? parser::expand_heredoc(heredoc.body, stage_.scope.lookup())
                                                 : heredoc.body);
  }
  if (step.source) step.source->patterns = sources;
  const std::string text = copy_text(keyword, step, sources, heredocs, expanded_destination);
  const std::string shown = text.substr(0, text.size() - std::string_view(" # buildkit").size());
  record(text, add_step(std::move(step), shown));
}

void StagePlanner::operator()(const parser::Copy& copy) {
  std::vector<std::string> sources;
  for (const std::string& source : copy.sources) {
    sources.push_back(expand(source));
    if (is_git(sources.back())) throw parser::DockerfileError("source can't be a git ref for COPY");
    if (is_url(sources.back())) throw parser::DockerfileError("source can't be a URL for COPY");
  }
  CopyStep step;
  step.chown = copy.chown;
  step.chmod = copy.chmod;
  // COPY-28: with --chmod a link copy is a plain copy.
  step.link = copy.link && copy.chmod.empty();
  step.parents = copy.parents;
  step.excludes = copy.excludes;
  if (!sources.empty()) {
    const StepId from = copy.from.empty()
                            ? plan_.context("")
                            : plan_.files_of(copy.from, text_.index, true, "copy", stage_.platform);
    step.source = CopyStep::Source{from, {}};
  }
  copy_files(std::move(step), sources, copy.heredocs, copy.destination, "COPY");
}

void StagePlanner::operator()(const parser::Add& add) {
  std::vector<std::string> sources;
  for (const std::string& source : add.sources) {
    sources.push_back(expand(source));
    if (is_url(sources.back()) || is_git(sources.back())) {
      throw parser::DockerfileError(cat("ADD from a remote source is not supported yet: ", sources.back()), {},
                                    Errc::unsupported);
    }
  }
  if (!add.checksum.empty()) {
    throw parser::DockerfileError("checksum requires HTTP(S) or Git sources");  // ADD-14
  }
  CopyStep step;
  step.is_add = true;
  step.unpack = add.unpack.value_or(true);
  step.chown = add.chown;
  step.chmod = add.chmod;
  step.link = add.link && add.chmod.empty();
  step.excludes = add.excludes;
  if (!sources.empty()) step.source = CopyStep::Source{plan_.context(""), {}};
  copy_files(std::move(step), sources, add.heredocs, add.destination, "ADD");
}

}  // namespace cooper::builder
