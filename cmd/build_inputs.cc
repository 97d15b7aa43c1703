#include "cmd/build_inputs.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <iostream>
#include <thread>

#include "base/error.h"
#include "cmd/session.h"
#include "oci/digest.h"

namespace cooper::cmd {
namespace {

constexpr std::size_t kDockerfileLimitBytes = 64 << 20;

std::map<std::string, std::string> read_build_args(const std::vector<std::string>& flags) {
  std::map<std::string, std::string> args;
  for (const std::string& flag : flags) {
    const std::size_t equals = flag.find('=');
    if (equals != std::string::npos) {
      args[flag.substr(0, equals)] = flag.substr(equals + 1);
    } else if (const auto value = environment(flag)) {  // ARG-14
      args[flag] = *value;
    }
  }
  // REPRO-01: clients pass their environment variable of that name.
  if (const auto epoch = environment("SOURCE_DATE_EPOCH")) args.try_emplace("SOURCE_DATE_EPOCH", *epoch);
  return args;
}

std::optional<std::int64_t> read_epoch(const std::map<std::string, std::string>& build_args) {
  const auto found = build_args.find("SOURCE_DATE_EPOCH");
  if (found == build_args.end() || found->second.empty()) return std::nullopt;
  std::int64_t value = 0;
  const char* end = found->second.data() + found->second.size();
  const auto [stopped, failure] = std::from_chars(found->second.data(), end, value);
  if (failure != std::errc() || stopped != end) {
    throw Error(Errc::invalid, cat("invalid SOURCE_DATE_EPOCH: ", found->second));  // REPRO-02
  }
  return value;
}

std::optional<builder::Network> read_network(const std::string& text) {
  if (text.empty() || text == "default") return std::nullopt;
  if (text == "host") return builder::Network::host;
  if (text == "none") return builder::Network::none;
  throw Error(Errc::invalid, cat("invalid network mode \"", text, "\" (default, host, none)"));
}

void refuse_unsupported(const BuildFlags& flags) {
  if (!flags.refused.empty()) {
    throw Error(Errc::unsupported, cat(flags.refused.front(), " is not supported yet"));
  }
  if (flags.check) throw Error(Errc::unsupported, "--check is not supported yet");
  if (!flags.call.empty() && flags.call != "build" && flags.call != "plan" && flags.call != "plan,dot") {
    throw Error(Errc::unsupported, cat("--call=", flags.call, " is not supported (build, plan)"));
  }
  if (!flags.isolation.empty() && flags.isolation != "auto" && flags.isolation != "userns") {
    throw Error(Errc::unsupported, cat("--isolation=", flags.isolation, " is not supported (auto, userns)"));
  }
  if (flags.platforms.size() > 1 ||
      (flags.platforms.size() == 1 && flags.platforms[0].find(',') != std::string::npos)) {
    throw Error(Errc::unsupported, "several platforms in one build are not supported yet");
  }
  for (const std::string& name : flags.allow) {
    if (name != "network.host" && name != "security.insecure" && name != "device" && !name.starts_with("device=")) {
      throw Error(Errc::invalid, cat("unknown entitlement \"", name, "\""));  // SEC-04
    }
  }
}

oci::Platform target_platform(const BuildFlags& flags) {
  if (!flags.platforms.empty()) return oci::parse_platform(flags.platforms[0]);
  if (const auto value = environment("DOCKER_DEFAULT_PLATFORM")) return oci::parse_platform(*value);
  return oci::host_platform();
}

void read_contexts(const BuildFlags& flags, BuildInputs& inputs) {
  for (const std::string& flag : flags.build_contexts) {
    const auto [name, value] = split_key_value(flag, "--build-context");
    const bool url = value.find("://") != std::string::npos || value.starts_with("git@");
    if (url || value.starts_with("target:")) {
      throw Error(Errc::unsupported, cat("unsupported context source ", value, " for ", name,
                                         ": only local directories are supported yet"));
    }
    if (!std::filesystem::is_directory(value)) {
      throw Error(Errc::not_found, cat("context ", name, ": no such directory: ", value));
    }
    inputs.contexts[name] = value;
    inputs.plan.named_contexts.push_back(name);
  }
}

void read_outputs(const BuildFlags& flags, BuildInputs& inputs) {
  for (const std::string& tag : flags.tags) inputs.names.push_back(oci::parse_reference(tag));
  std::optional<layers::CompressionSpec> compression;
  bool image_output = false;
  for (const std::string& text : flags.outputs) {
    OutputFlag flag = parse_output(text);
    if (flag.compression) compression = flag.compression;
    if (!flag.has_names) flag.output.names = inputs.names;
    using Kind = builder::Output::Kind;
    image_output = image_output || flag.output.kind == Kind::image;
    const bool archive = flag.output.kind == Kind::oci || flag.output.kind == Kind::docker ||
                         flag.output.kind == Kind::tar;
    if (archive && flag.output.to_stdout && ::isatty(STDOUT_FILENO) == 1) {
      throw Error(Errc::invalid, "an archive is not written to a terminal: give dest=FILE or redirect");  // OUT-03
    }
    if (flag.output.kind == Kind::image && flag.output.names.empty()) {
      throw Error(Errc::invalid, cat("--output ", text, " needs a name: -t NAME"));
    }
    inputs.outputs.push_back(std::move(flag.output));
  }
  if (compression) inputs.compression = *compression;
  if (flags.push && inputs.names.empty()) throw Error(Errc::invalid, "--push needs a name: -t NAME");
  if (!inputs.names.empty() && !image_output) {
    builder::Output named;
    named.names = inputs.names;
    inputs.outputs.push_back(named);
  }
  if (flags.push) {
    builder::Output pushed;
    pushed.push = true;
    pushed.names = inputs.names;
    inputs.outputs.push_back(pushed);
  }
}

std::optional<std::string> try_read(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd) throw_errno("failed to read dockerfile: open", path.string());
  FdSource source(std::move(fd), path.string());
  return read_all(source, kDockerfileLimitBytes, path.string());
}

}  // namespace

BuildInputs read_build_inputs(const BuildFlags& flags) {
  refuse_unsupported(flags);
  BuildInputs inputs;
  const bool remote = flags.context.find("://") != std::string::npos || flags.context.starts_with("git@");
  if (remote || flags.context == "-") {
    throw Error(Errc::unsupported, cat("context ", flags.context, ": only local directories are supported yet"));
  }
  if (!std::filesystem::is_directory(flags.context)) {
    throw Error(Errc::not_found, cat("build context: no such directory: ", flags.context));
  }
  builder::PlanOptions& plan = inputs.plan;
  plan.target = flags.target;
  plan.build_args = read_build_args(flags.build_args);
  plan.source_date_epoch = read_epoch(plan.build_args);
  plan.build_platform = oci::host_platform();
  plan.target_platform = target_platform(flags);
  for (const std::string& label : flags.labels) {
    const std::size_t equals = label.find('=');
    plan.labels[label.substr(0, equals)] = equals == std::string::npos ? "" : label.substr(equals + 1);
  }
  for (const std::string& text : flags.annotations) inputs.annotations.insert(split_key_value(text, "--annotation"));
  plan.no_cache = flags.no_cache;
  for (const std::string& filter : flags.no_cache_filters) {
    for (const std::string& stage : split_csv(filter, "--no-cache-filter")) plan.no_cache_stages.push_back(stage);
  }
  plan.network = read_network(flags.network);
  inputs.announce_host_network = !plan.network;
  for (const std::string& host : flags.add_hosts) plan.extra_hosts.push_back(parse_extra_host(host));
  for (const std::string& limit : flags.ulimits) plan.ulimits.push_back(parse_ulimit(limit));
  if (!flags.shm_size.empty()) plan.shm_bytes = parse_size(flags.shm_size, "--shm-size");
  plan.allowed = flags.allow;
  // Who gives all steps the host's network allows each to ask for it.
  if (plan.network == builder::Network::host) plan.allowed.emplace_back("network.host");
  inputs.secrets = Secrets(flags.secrets);
  inputs.ssh = std::make_shared<SshAgents>(flags.ssh);
  if (flags.pull) {
    inputs.pull = *flags.pull ? builder::PullPolicy::registry_only : builder::PullPolicy::local_first;
  }
  inputs.threads = flags.threads > 0 ? flags.threads : static_cast<int>(std::thread::hardware_concurrency());
  read_contexts(flags, inputs);
  read_outputs(flags, inputs);
  inputs.print_plan = flags.call == "plan" || flags.call == "plan,dot";
  inputs.plan_as_dot = flags.call == "plan,dot";
  return inputs;
}

namespace {

DockerfileText find_dockerfile(const BuildFlags& flags) {
  if (flags.file == "-") {
    FdSource source(UniqueFd(::dup(STDIN_FILENO)), "standard input");
    return {"Dockerfile", std::nullopt, read_all(source, kDockerfileLimitBytes, "standard input")};
  }
  if (!flags.file.empty()) {
    auto text = try_read(flags.file);
    if (!text) {
      throw Error(Errc::invalid,
                  cat("failed to read dockerfile: open ", flags.file, ": no such file or directory"));
    }
    const std::filesystem::path path(flags.file);
    return {path.filename().string(), path, std::move(*text)};
  }
  static constexpr std::array<const char*, 3> kNames = {"Dockerfile", "dockerfile", "Containerfile"};
  for (const char* name : kNames) {
    const std::filesystem::path path = std::filesystem::path(flags.context) / name;
    if (auto text = try_read(path)) return {name, path, std::move(*text)};
  }
  throw Error(Errc::invalid, "failed to read dockerfile: open Dockerfile: no such file or directory");
}

}  // namespace

DockerfileText read_dockerfile(const BuildFlags& flags) {
  DockerfileText file = find_dockerfile(flags);
  // No word of a Dockerfile may hold one: it would be cut short where it becomes a path or an argument.
  if (file.text.find('\0') != std::string::npos) {
    throw Error(Errc::invalid, cat("failed to read dockerfile: ", file.shown_name, " holds a NUL byte"));
  }
  return file;
}

layers::DigestMemory* ContextDigests::open(cache::Store& store, const std::filesystem::path& context) {
  const std::string path = std::filesystem::canonical(context).string();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now);
  const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(now - seconds);
  const Timestamp clock{seconds.count(), static_cast<std::uint32_t>(rest.count())};
  directories_.push_back(std::make_unique<Dir>(store.digests_dir()));
  memories_.push_back(std::make_unique<layers::PackedDigestMemory>(
      *directories_.back(), TreePath::clean(oci::sha256(path).hex().substr(0, 32)), clock));
  return memories_.back().get();
}

void ContextDigests::save() {
  for (const auto& memory : memories_) memory->save();
}

}  // namespace cooper::cmd
