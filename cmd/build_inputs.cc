#include "cmd/build_inputs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>
#include <thread>

#include "base/error.h"
#include "cmd/annotation_text.h"
#include "cmd/session.h"
#include "oci/digest.h"

namespace cooper::cmd {
namespace {

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

std::optional<builder::Network> read_network(const std::string& text) {
  if (text.empty() || text == "default") return std::nullopt;
  if (text == "host") return builder::Network::host;
  if (text == "none") return builder::Network::none;
  throw Error(Errc::invalid, cat("invalid network mode \"", text, "\" (default, host, none)"));
}

builder::Snapshotter snapshotter_named(const std::string& text) {
  if (text == "overlay") return builder::Snapshotter::overlay;
  if (text == "fuse-overlayfs") return builder::Snapshotter::fuse_overlayfs;
  if (text == "copy") return builder::Snapshotter::copy;
  return builder::Snapshotter::automatic;
}

void refuse_unsupported(const BuildFlags& flags) {
  if (!flags.refused.empty()) {
    throw Error(Errc::unsupported, cat(flags.refused.front(), " is not supported yet"));
  }
  if (!flags.isolation.empty() && flags.isolation != "auto" && flags.isolation != "userns") {
    throw Error(Errc::unsupported, cat("--isolation=", flags.isolation, " is not supported (auto, userns)"));
  }
  for (const std::string& name : flags.allow) {
    if (name != "network.host" && name != "security.insecure" && name != "device" && !name.starts_with("device=")) {
      throw Error(Errc::invalid, cat("unknown entitlement \"", name, "\""));  // SEC-04
    }
  }
}

// --platform, repeatable and with commas; else the client's default. Each platform once, in order.
void read_platforms(const BuildFlags& flags, builder::PlanOptions& plan) {
  std::vector<std::string> texts;
  for (const std::string& flag : flags.platforms) {
    for (const std::string& text : split_csv(flag, "--platform")) texts.push_back(text);
  }
  if (texts.empty()) {
    if (const auto value = environment("DOCKER_DEFAULT_PLATFORM")) texts.push_back(*value);
  }
  plan.build_platform = oci::host_platform();
  plan.target_platform = plan.build_platform;
  plan.platform_given = !texts.empty();
  for (const std::string& text : texts) {
    const oci::Platform platform = text == "local" ? oci::host_platform() : oci::parse_platform(text);
    if (std::find(plan.platforms.begin(), plan.platforms.end(), platform) == plan.platforms.end()) {
      plan.platforms.push_back(platform);
    }
  }
  if (plan.platform_given) plan.target_platform = plan.platforms.front();
}

}  // namespace

BuildInputs read_build_inputs(const BuildFlags& flags) {
  refuse_unsupported(flags);
  BuildInputs inputs;
  builder::PlanOptions& plan = inputs.plan;
  inputs.call = parse_call(flags.check && flags.call.empty() ? "check" : flags.call);
  if (flags.check && inputs.call.kind != Call::Kind::check) {
    throw Error(Errc::invalid, cat("--check asks for something else than --call=", flags.call));
  }
  plan.build_args = read_build_args(flags.build_args);
  inputs.context = read_main_context(flags, plan.build_args);
  read_platforms(flags, plan);
  for (const std::string& label : flags.labels) {
    const std::size_t equals = label.find('=');
    plan.labels[label.substr(0, equals)] = equals == std::string::npos ? "" : label.substr(equals + 1);
  }
  for (const std::string& text : flags.annotations) {
    const auto parsed = parse_annotation(text);
    inputs.annotations.insert(inputs.annotations.end(), parsed.begin(), parsed.end());
  }
  plan.no_cache = flags.no_cache;
  for (const std::string& filter : flags.no_cache_filters) {
    for (const std::string& stage : split_csv(filter, "--no-cache-filter")) plan.no_cache_stages.push_back(stage);
  }
  plan.network = read_network(flags.network);
  inputs.announce_host_network = !plan.network;
  for (const std::string& host : flags.add_hosts) plan.extra_hosts.push_back(parse_extra_host(host));
  for (const std::string& limit : flags.ulimits) plan.ulimits.push_back(parse_ulimit(limit));
  if (!flags.store_limit.empty()) (void)parse_size(flags.store_limit, "--store-limit");
  if (!flags.shm_size.empty()) plan.shm_bytes = parse_size(flags.shm_size, "--shm-size");
  plan.allowed = flags.allow;
  // Who gives all steps the host's network allows each to ask for it.
  if (plan.network == builder::Network::host) plan.allowed.emplace_back("network.host");
  inputs.secrets = Secrets(flags.secrets);
  inputs.ssh = std::make_shared<SshAgents>(flags.ssh);
  if (flags.pull) {
    inputs.pull = *flags.pull ? builder::PullPolicy::registry_only : builder::PullPolicy::local_first;
  } else if (inputs.call.is_question()) {
    inputs.pull = builder::PullPolicy::local_first;  // a config at hand answers as well
  }
  inputs.threads = flags.threads > 0 ? flags.threads : static_cast<int>(std::thread::hardware_concurrency());
  plan.named_contexts = read_named_contexts(flags);
  Results results = read_results(flags, plan.platforms.size());
  inputs.snapshotter = snapshotter_named(flags.snapshotter);
  if (results.compression) inputs.compression = *results.compression;
  inputs.results = std::move(results.targets);
  for (const TargetResult& result : inputs.results) {
    if (!result.target.empty()) plan.targets.push_back(result.target);
  }
  plan.every_stage = inputs.call.kind == Call::Kind::check && plan.targets.empty();  // CHECK-27
  if (inputs.call.kind == Call::Kind::outline && plan.targets.size() > 1) {
    throw Error(Errc::invalid, "--call=outline tells of one target");
  }
  return inputs;
}

}  // namespace cooper::cmd
