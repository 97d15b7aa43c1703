#include "cmd/build_context.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/error.h"
#include "builder/sources/git_ref.h"
#include "builder/tree_file.h"
#include "cmd/options_text.h"
#include "cmd/session.h"
#include "oci/digest.h"

namespace cooper::cmd {
namespace {

constexpr std::size_t kDockerfileLimitBytes = 64 << 20;
constexpr std::array<const char*, 3> kUsualNames = {"Dockerfile", "dockerfile", "Containerfile"};

// What git and ssh need of our environment, and nothing that would configure them.
constexpr std::array<const char*, 14> kGitVariables = {
    "PATH",       "HTTP_PROXY",     "HTTPS_PROXY",    "NO_PROXY",      "ALL_PROXY",    "http_proxy",  "https_proxy",
    "no_proxy",   "all_proxy",      "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR"};

bool is_true(const std::map<std::string, std::string>& build_args, const std::string& name) {
  const auto found = build_args.find(name);
  if (found == build_args.end()) return false;
  static constexpr std::array<std::string_view, 6> kYes = {"1", "t", "T", "true", "TRUE", "True"};
  return std::find(kYes.begin(), kYes.end(), found->second) != kYes.end();
}

bool speaks_ssh(const MainContext& context) {
  if (!context.remote) return false;
  const auto* git = std::get_if<builder::GitSource>(&*context.remote);
  return git != nullptr && (git->remote.starts_with("ssh://") || git->remote.find("://") == std::string::npos);
}

std::optional<std::string> try_read(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (!fd) throw_errno("failed to read dockerfile: open", path.string());
  FdSource source(std::move(fd), path.string());
  return read_all(source, kDockerfileLimitBytes, path.string());
}

[[noreturn]] void throw_no_dockerfile(const std::string& name) {
  throw Error(Errc::invalid, cat("failed to read dockerfile: open ", name, ": no such file or directory"));
}

// The usual names where none is given; of a given "Dockerfile", in any directory, the lower-case spelling too.
std::vector<std::string> candidates(const std::string& file) {
  if (file.empty()) return {kUsualNames.begin(), kUsualNames.end()};
  std::vector<std::string> names = {file};
  const std::filesystem::path path(file);
  if (path.filename() == "Dockerfile") names.push_back((path.parent_path() / "dockerfile").string());
  return names;
}

DockerfileText dockerfile_in(const layers::Tree& files, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (auto text = builder::read_tree_file(files, TreePath::clean(name))) {
      return {std::filesystem::path(name).filename().string(), std::nullopt, std::move(*text)};
    }
  }
  throw_no_dockerfile(names.front());
}

}  // namespace

bool is_url(const std::string& text) { return text.starts_with("http://") || text.starts_with("https://"); }

MainContext read_main_context(const BuildFlags& flags, const std::map<std::string, std::string>& build_args) {
  MainContext context;
  if (flags.context == "-") {
    if (flags.file == "-") {
      throw Error(Errc::invalid, "invalid argument: can't use stdin for both build context and dockerfile");
    }
    context.standard_input = true;
    return context;
  }
  if (std::filesystem::is_directory(flags.context)) {
    context.directory = flags.context;
    return context;
  }
  if (auto git = builder::parse_git_ref(flags.context)) {
    builder::GitSource source = std::move(git->source);
    source.keep_git_dir = source.keep_git_dir || is_true(build_args, "BUILDKIT_CONTEXT_KEEP_GIT_DIR");
    const auto epoch = build_args.find("SOURCE_DATE_EPOCH");
    source.commit_times = source.commit_times || (epoch != build_args.end() && !epoch->second.empty());
    context.remote = std::move(source);
    return context;
  }
  if (is_url(flags.context)) {
    context.remote = builder::HttpSource{flags.context, std::nullopt};
    return context;
  }
  const bool other = std::filesystem::exists(flags.context);
  throw Error(Errc::invalid, cat("unable to prepare context: path \"", flags.context, "\" ",
                                 other ? "is not a directory" : "not found"));
}

builder::NamedContexts read_named_contexts(const BuildFlags& flags) {
  builder::NamedContexts contexts;
  for (const std::string& flag : flags.build_contexts) {
    const auto [written, value] = split_key_value(flag, "--build-context");
    const std::string name = builder::context_name(written);
    contexts.insert_or_assign(name, builder::parse_named_context(name, value));
  }
  return contexts;
}

builder::SourceSettings source_settings(const BuildFlags& flags, const MainContext& context) {
  builder::SourceSettings settings;
  for (const char* name : kGitVariables) {
    if (const auto value = environment(name)) settings.git.environment.push_back(cat(name, "=", *value));
  }
  if (const auto home = environment("HOME")) {
    const std::filesystem::path known = std::filesystem::path(*home) / ".ssh/known_hosts";
    if (std::filesystem::exists(known)) settings.git.known_hosts = known.string();
  }
  settings.http.retries = flags.retries;
  settings.keep_xattrs = flags.keep_xattrs;
  // A context over ssh is the user's own wish, and so is his agent.
  if (speaks_ssh(context)) settings.ssh_socket = [](const std::string&) { return environment("SSH_AUTH_SOCK"); };
  settings.clock = [] {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return Timestamp{std::chrono::duration_cast<std::chrono::seconds>(now).count(), 0};
  };
  return settings;
}

bool dockerfile_is_local(const BuildFlags& flags, const MainContext& context) {
  if (flags.file == "-") return true;
  if (is_url(flags.file)) return false;
  return context.directory.has_value() || std::filesystem::path(flags.file).is_absolute();
}

DockerfileText read_dockerfile(const BuildFlags& flags, const builder::FetchedContext* fetched) {
  if (flags.file == "-") {
    FdSource source(UniqueFd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)), "standard input");
    return {"Dockerfile", std::nullopt, read_all(source, kDockerfileLimitBytes, "standard input")};
  }
  const bool absolute = std::filesystem::path(flags.file).is_absolute();
  if (fetched != nullptr && fetched->dockerfile_text) {
    if (!flags.file.empty()) {
      throw Error(Errc::invalid, "ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles");
    }
    return {"Dockerfile", std::nullopt, *fetched->dockerfile_text};
  }
  if (fetched != nullptr && !absolute) {
    if (fetched->dockerfile_name) return dockerfile_in(*fetched->files, {*fetched->dockerfile_name});
    return dockerfile_in(*fetched->files, candidates(flags.file));
  }
  for (const std::string& name : candidates(flags.file)) {
    const std::filesystem::path path = flags.file.empty() ? std::filesystem::path(flags.context) / name
                                                          : std::filesystem::path(name);
    if (auto text = try_read(path)) return {path.filename().string(), path, std::move(*text)};
  }
  throw_no_dockerfile(flags.file.empty() ? kUsualNames.front() : flags.file);
}

DockerfileText checked_dockerfile(DockerfileText file) {
  // No word of a Dockerfile may hold one: it would be cut short where it becomes a path or an argument.
  if (file.text.find('\0') != std::string::npos) {
    throw Error(Errc::invalid, cat("failed to read dockerfile: ", file.shown_name, " holds a NUL byte"));
  }
  return file;
}

layers::DigestMemory* ContextDigests::open(cache::Store& store, const std::filesystem::path& context,
                                           layers::Recall recall) {
  const std::string path = std::filesystem::canonical(context).string();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now);
  const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(now - seconds);
  const Timestamp clock{seconds.count(), static_cast<std::uint32_t>(rest.count())};
  directories_.push_back(std::make_unique<Dir>(store.digests_dir()));
  memories_.push_back(std::make_unique<layers::PackedDigestMemory>(
      *directories_.back(), TreePath::clean(oci::sha256(path).hex().substr(0, 32)), clock, recall));
  return memories_.back().get();
}

std::size_t ContextDigests::unsaved() const {
  std::size_t sum = 0;
  for (const auto& memory : memories_) sum += memory->unsaved();
  return sum;
}

void ContextDigests::save() {
  for (const auto& memory : memories_) memory->save();
}

}  // namespace cooper::cmd
