#include "cmd/build_flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cmd/spelling.h"

namespace cooper::cmd {
namespace {

// A repeatable option that takes one value each time, so that the context that follows is not swallowed.
CLI::Option* repeatable(CLI::App& app, const std::string& name, std::vector<std::string>& values,
                        const std::string& help) {
  return app.add_option(name, values, help)
      ->type_size(1)
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_inputs(CLI::App& app, BuildFlags& flags) {
  app.add_option("context", flags.context,
                 "Directory that COPY and ADD read from; or a git repository, a URL, - for a tar on standard input")
      ->required()
      ->multi_option_policy(CLI::MultiOptionPolicy::Throw);
  take_equals_sign(
      app.add_option("-f,--file", flags.file,
                     "Dockerfile, - for standard input (default: Dockerfile or Containerfile in the context)"));
  repeatable(app, "--build-arg", flags.build_args, "Value of an ARG: --build-arg VERSION=1.2");
  repeatable(app, "--build-context", flags.build_contexts,
             "Named files or image for FROM and --from: assets=../assets, base=docker-image://debian:12, "
             "x=oci-layout://DIR, y=https://host/repo.git#v1");
  repeatable(app, "--target", flags.targets,
             "Stage to build (default: the last one); several, repeated or as a,b, are built in one run: \"{target}\" in "
             "-t, -o, --iidfile and --metadata-file then stands for each one's name, and a directory gets one directory "
             "for each: --target api,web -t shop-{target}:1");
  repeatable(app, "--platform", flags.platforms, "Platform of the result; several make an index: --platform linux/amd64,linux/arm64");
}

void add_results(CLI::App& app, BuildFlags& flags) {
  take_equals_sign(repeatable(app, "-t,--tag", flags.tags, "Name in the local store: -t app:1.0"));
  take_equals_sign(repeatable(
      app, "-o,--output", flags.outputs,
      "Where the result goes: -o type=oci,dest=app.tar (oci, docker, tar, local, image, registry), "
      "type=docker (the local store, by the names of -t), type=cacheonly (nowhere), -o DIR, -o - (a tar on standard output)"));
  app.add_flag("--keep-xattrs", flags.keep_xattrs,
               "Layers keep user.* attributes and POSIX ACLs of files, not file capabilities alone")
      ->envname("COOPER_KEEP_XATTRS");
  app.add_flag("--fold-metadata", flags.fold_metadata,
               "Files that a step only gave another owner, mode or time (RUN chown -R) are stored once, in their first layer")
      ->envname("COOPER_FOLD_METADATA");
  app.add_flag("--load", flags.load, "Into the local store, where -t puts an image anyway");
  app.add_flag("--push", flags.push, "Push to the registries that -t names");
  repeatable(app, "--label", flags.labels, "Label of the image: --label maintainer=me");
  repeatable(app, "--annotation", flags.annotations, "Annotation: --annotation key=value, --annotation index,manifest[linux/amd64]:key=value");
  app.add_option("--iidfile", flags.iid_file, "Write the image ID (the config's digest) to this file");
  app.add_option("--metadata-file", flags.metadata_file, "Write digests and names as JSON to this file");
}

void add_running(CLI::App& app, BuildFlags& flags) {
  app.add_option("--network", flags.network, "Network of RUN steps: default, host, none");
  repeatable(app, "--add-host", flags.add_hosts, "Extra line for /etc/hosts: --add-host db:10.0.0.5");
  app.add_option("--shm-size", flags.shm_size, "Size of /dev/shm: --shm-size 128m");
  repeatable(app, "--ulimit", flags.ulimits, "Limit of RUN processes: --ulimit nofile=1024:2048");
  repeatable(app, "--allow", flags.allow, "Entitlement: network.host, security.insecure");
  repeatable(app, "--secret", flags.secrets,
             "Secret for RUN --mount=type=secret: --secret id=token,src=FILE or --secret id=token,env=TOKEN");
  repeatable(app, "--ssh", flags.ssh,
             "Agent for RUN --mount=type=ssh: --ssh default (SSH_AUTH_SOCK), --ssh id=SOCKET, --ssh id=KEY,KEY");
  app.add_option("--isolation", flags.isolation, "How RUN is isolated: auto, userns");
  app.add_option("--snapshotter", flags.snapshotter,
                 "Where the root of a RUN comes from: auto, overlay, copy (works everywhere, slowly), fuse-overlayfs (docs/sandbox.md)")
      ->envname("COOPER_SNAPSHOTTER")
      ->check(CLI::IsMember({"auto", "overlay", "fuse-overlayfs", "copy"}));
  app.add_option("--scratch", flags.scratch,
                 "Where RUN steps work, if not in the store (on overlayfs, on NFS); empty again after the build: "
                 "--scratch /mnt/disk")
      ->envname("COOPER_SCRATCH")
      ->check(CLI::ExistingDirectory);
  app.add_option("--threads", flags.threads, "Threads for compression and hashing; never changes the result")
      ->envname("COOPER_THREADS")
      ->check(CLI::Range(0, 256));
}

void add_caching(CLI::App& app, BuildFlags& flags) {
  app.add_flag("--no-cache", flags.no_cache, "Run every step, whatever is cached");
  repeatable(app, "--no-cache-filter", flags.no_cache_filters, "Stages that are not taken from the cache");
  app.add_flag_function(
      "--pull", [&flags](std::int64_t count) { flags.pull = count > 0; },
      "Always ask the registry; --pull=false: a local image of that name comes first");
  add_store_limit(app, flags.store_limit);
  app.add_option("--retries", flags.retries, "Attempts for each registry transfer")
      ->envname("COOPER_RETRIES")
      ->check(CLI::Range(0, 100));
}

void add_display(CLI::App& app, BuildFlags& flags) {
  app.add_option("--progress", flags.progress, "auto, plain, tty, quiet")->envname("BUILDKIT_PROGRESS");
  app.add_flag("-q,--quiet", flags.quiet, "Print the image ID and nothing else");
  app.add_option("--call", flags.call,
                 "Instead of a build: check (lint the Dockerfile; ,format=json or ,format=sarif for code scanning), "
                 "outline (arguments, secrets and SSH ids of the target; ,format=json), targets (the stages; "
                 ",format=json), plan (the steps; ,dot for Graphviz): --call=check,format=json");
  app.add_flag("--check", flags.check, "Same as --call=check: exit code 1 if anything is found");
}

// "false", "type=sbom,disabled=true": an attestation that nobody wants, which is what we make.
bool switches_off(const std::string& text) {
  const std::vector<std::string> fields = split_csv(text, "attestation");
  return std::any_of(fields.begin(), fields.end(), [](const std::string& field) {
    constexpr std::string_view kDisabled = "disabled=";
    if (field.starts_with(kDisabled)) return parse_bool(field.substr(kDisabled.size()), "disabled");
    return field.find('=') == std::string::npos && !parse_bool(field, "attestation");
  });
}

// Flags of `docker build` that are understood. What promises something is refused by name; what means nothing here is taken.
void add_foreign(CLI::App& app, BuildFlags& flags) {
  for (const char* name : {"--cache-from", "--cache-to", "--step-memory", "--security-opt"}) {
    app.add_option_function<std::vector<std::string>>(
           name, [&flags, name](const std::vector<std::string>&) { flags.refused.emplace_back(name); }, "")
        ->type_size(1)
        ->allow_extra_args(false)
        ->group("");
  }
  for (const char* name : {"--explain", "--reproducible", "--squash"}) {
    app.add_flag_callback(name, [&flags, name] { flags.refused.emplace_back(name); }, "")->group("");
  }
  for (const char* name : {"--attest", "--provenance", "--sbom"}) {
    app.add_option_function<std::vector<std::string>>(
           name,
           [&flags, name](const std::vector<std::string>& values) {
             if (!std::all_of(values.begin(), values.end(), switches_off)) flags.refused.emplace_back(name);
           },
           "")
        ->type_size(1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->group("");
  }
  for (const char* name : {"--rm", "--force-rm", "--compress"}) {
    app.add_flag(name, [&flags, name](std::int64_t) { flags.ignored.emplace_back(name); }, "")->group("");
  }
  app.add_option_function<std::string>(
         "--builder", [&flags](const std::string&) { flags.ignored.emplace_back("--builder"); }, "")
      ->group("");
  for (const std::string name : {"--memory", "--memory-swap", "--cpu-shares", "--cpu-period", "--cpu-quota",
                                 "--cpuset-cpus", "--cpuset-mems", "--cgroup-parent"}) {
    app.add_option_function<std::string>(
           name == "--memory" ? "-m,--memory" : name == "--cpu-shares" ? "-c,--cpu-shares" : name,
           [&flags, name](const std::string&) { flags.limits.push_back(name); }, "")
        ->group("");
  }
}

}  // namespace

void add_store_limit(CLI::App& app, std::string& value) {
  app.add_option("--store-limit", value,
                 "Most that the store may take on disk, besides the layer being written: what was used longest ago makes "
                 "room, images with names last, never what a running build uses: --store-limit 10g")
      ->envname("COOPER_STORE_LIMIT");
}

void add_build_flags(CLI::App& app, BuildFlags& flags) {
  // Of several values where one counts it is the last, so that a script's own flags can be overridden behind them.
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  add_inputs(app, flags);
  add_results(app, flags);
  add_running(app, flags);
  add_caching(app, flags);
  add_display(app, flags);
  add_foreign(app, flags);
}

}  // namespace cooper::cmd
