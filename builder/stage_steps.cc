// The instructions of a stage that make steps: RUN, COPY, ADD.
#include <algorithm>
#include <map>

#include "base/error.h"
#include "builder/history_text.h"
#include "builder/sources/git_ref.h"
#include "builder/stage_planner.h"
#include "builder/step_display.h"
#include "layers/copy.h"

namespace cooper::builder {
namespace {

bool is_url(const std::string& source) {
  return source.starts_with("http://") || source.starts_with("https://");
}

// ADD-09: the last element of the path, decoded; nothing that is no name.
std::string download_name(const std::string& url) {
  std::string path = url.substr(0, url.find_first_of("?#"));
  const std::size_t begin = path.find('/', path.find("://") + 3);
  path = begin == std::string::npos ? "" : decode_percent(path.substr(begin));
  while (path.ends_with('/')) path.pop_back();
  const std::string name = path.substr(path.rfind('/') + 1);
  if (name.empty()) return "__unnamed__";
  const bool is_name = name != "." && name != ".." &&
                       std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; });
  return is_name ? name : "download";
}

// The order of the flags is no input, and the last of a name counts.
std::vector<Ulimit> by_name(const std::vector<Ulimit>& limits) {
  std::map<std::string, Ulimit> sorted;
  for (const Ulimit& limit : limits) sorted[limit.name] = limit;
  std::vector<Ulimit> list;
  for (const auto& [name, limit] : sorted) list.push_back(limit);
  return list;
}

bool names_directory(const std::string& destination) {
  return destination.empty() || destination == "." || destination.ends_with("/") ||
         destination.ends_with("/.");
}

}  // namespace

RunStep usual_run(const PlanOptions& options) {
  RunStep step;
  step.proxies = proxy_variables(options.build_args);
  step.extra_hosts = options.extra_hosts;
  step.ulimits = by_name(options.ulimits);
  step.shm_bytes = options.shm_bytes;
  const auto name = options.build_args.find("BUILDKIT_SANDBOX_HOSTNAME");
  if (name != options.build_args.end()) step.hostname = name->second;
  return step;
}

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
  Step planned{.operation = plan_.usual_run()};
  auto& step = std::get<RunStep>(planned.operation);
  step.parent = stage_.result.rootfs;
  step.platform = stage_.platform.str();
  step.environment = stage_.scope.environment();
  step.working_dir = absolute("");
  step.user = stage_.result.config.user;
  step.network = network_of(run);
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
  std::string text = history_begun("RUN");
  for (const std::string& word : stage_.scope.history_prefix()) text.append(1, ' ').append(word);
  for (const std::string& word : step.argv) text.append(1, ' ').append(word);
  text += " # buildkit";
  planned.display = display_begun();
  append_run(planned.display, run, stage_.scope.lookup());
  record(std::move(text), add_step(std::move(planned)));
}

void StagePlanner::copy_files(Step&& planned, const std::vector<std::string>& sources,
                              const std::vector<parser::Heredoc>& heredocs, const std::string& destination,
                              const char* keyword) {
  auto& step = std::get<CopyStep>(planned.operation);
  step.parent = stage_.result.rootfs;
  step.chown = expand(step.chown);
  step.chmod = expand(step.chmod);
  if (!step.chmod.empty()) static_cast<void>(layers::ModeChange::parse(step.chmod));
  const std::string expanded_destination = expand(destination);
  step.destination = absolute(expanded_destination);
  if (names_directory(expanded_destination) && step.destination != "/") step.destination += "/";
  for (const parser::Heredoc& heredoc : heredocs) {
    step.heredocs.emplace_back(heredoc.name, expand_body(heredoc));
  }
  std::string text = copy_text(history_begun(keyword), step, sources, heredocs, expanded_destination);
  std::string display = display_begun();
  append_instruction(display, *origin_, stage_.scope.lookup());
  planned.display = without_logins(std::move(display));
  record(std::move(text), add_step(std::move(planned)));
}

void StagePlanner::operator()(const parser::Copy& copy) {
  std::vector<std::string> sources;
  sources.reserve(copy.sources.size());
  for (const std::string& source : copy.sources) {
    sources.push_back(expand(source));
    const auto git = parse_git_ref(sources.back());
    if (git && !git->looks_local) throw parser::DockerfileError("source can't be a git ref for COPY");
    if (is_url(sources.back())) throw parser::DockerfileError("source can't be a URL for COPY");
  }
  Step planned{.operation = CopyStep()};
  auto& step = std::get<CopyStep>(planned.operation);
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
    step.sources.push_back({from, sources});
  }
  if (copy.from.empty()) report_ignored("COPY", sources);
  copy_files(std::move(planned), sources, copy.heredocs, copy.destination, "COPY");
}

CopyStep::Source StagePlanner::git_source(GitRef ref, const parser::Add& add, const std::string& checksum) {
  if (add.keep_git_dir && ref.keep_git_dir && *add.keep_git_dir != *ref.keep_git_dir) {
    throw parser::DockerfileError("inconsistent keep-git-dir configuration");  // ADD-21
  }
  GitSource& source = ref.source;
  source.keep_git_dir = ref.keep_git_dir.value_or(add.keep_git_dir.value_or(false));
  source.commit_times = false;  // ADD-25
  if (!checksum.empty()) {
    if (!source.checksum.empty() && source.checksum != checksum) {
      throw parser::DockerfileError(cat("checksum mismatch \"", checksum, "\" != \"", source.checksum, "\""));
    }
    source.checksum = checksum;
  }
  return {plan_.fetched(source, range_), {"/"}, false, true};
}

CopyStep::Source StagePlanner::url_source(const std::string& url, const parser::Add& add,
                                          const std::string& checksum) {
  HttpSource source{url, std::nullopt};
  if (!checksum.empty()) source.checksum = oci::ContentDigest::parse(checksum);
  return {plan_.fetched(source, range_), {std::string(kDownloadName)}, add.unpack.value_or(false), true,
          download_name(url)};
}

void StagePlanner::operator()(const parser::Add& add) {
  const std::string checksum = expand(add.checksum);
  if (!checksum.empty() && add.sources.size() != 1) {
    throw parser::DockerfileError("checksum can't be specified for multiple sources");
  }
  Step planned{.operation = CopyStep()};
  auto& step = std::get<CopyStep>(planned.operation);
  step.is_add = true;
  step.chown = add.chown;
  step.chmod = add.chmod;
  step.link = add.link && add.chmod.empty();
  step.excludes = add.excludes;
  std::vector<std::string> words;  // of the history: nobody's login
  for (const std::string& written : add.sources) {
    const std::string source = expand(written);
    words.push_back(without_credentials(source));
    const auto git = parse_git_ref(source);
    if (git && !git->looks_local) {
      step.sources.push_back(git_source(*git, add, checksum));
    } else if (is_url(source)) {
      step.sources.push_back(url_source(source, add, checksum));
    } else if (!checksum.empty()) {
      throw parser::DockerfileError("checksum requires HTTP(S) or Git sources");  // ADD-14
    } else if (!step.sources.empty() && !step.sources.back().literal) {
      step.sources.back().patterns.push_back(source);
      report_ignored("ADD", {source});
    } else {
      step.sources.push_back({plan_.context(""), {source}, add.unpack.value_or(true)});
      report_ignored("ADD", {source});
    }
  }
  copy_files(std::move(planned), words, add.heredocs, add.destination, "ADD");
}

}  // namespace cooper::builder
