#include "builder/sources/source_fetcher.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "builder/activity.h"
#include "builder/sources/git_ref.h"
#include "layers/tree_layer.h"
#include "oci/http_url.h"

namespace cooper::builder {
namespace {

using nlohmann::json;

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string base64(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += i + k > text.size() ? '=' : kBase64[bits >> (18 - 6 * k) & 63];
    }
  }
  return out;
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

bool speaks_ssh(const std::string& remote) {
  return remote.starts_with("ssh://") || remote.find("://") == std::string::npos;
}

// "host:port" of an http(s) URL.
std::string host_of(const std::string& remote) {
  const std::size_t scheme = remote.find("://");
  if (scheme == std::string::npos) return "";
  const std::size_t begin = scheme + 3;
  std::string authority = remote.substr(begin, remote.find('/', begin) - begin);
  const std::size_t at = authority.rfind('@');
  return at == std::string::npos ? authority : authority.substr(at + 1);
}

// Any bytes as text that JSON takes, and no two alike.
std::string word(const std::string& bytes) { return oci::percent_encode(bytes); }

// One source, for looking its commit up again.
std::string text_of(const GitSource& source) {
  return cat(word(source.remote), " ", word(source.ref), " ", word(source.checksum), " ", source.fetch_by_commit);
}

}  // namespace

RemoteSources::RemoteSources(cache::Store& store, Progress& progress, SourceSettings settings)
    : store_(store),
      progress_(progress),
      settings_(std::move(settings)),
      downloads_(store_, progress, settings_.secret, settings_.http) {}

std::optional<PlannedLayer> RemoteSources::find(const RemoteSource& source, const std::stop_token& stop) {
  if (const auto* http = std::get_if<HttpSource>(&source)) {
    return with_context([&] { return shown(source); }, [&] { return downloads_.find(*http, stop); });
  }
  const auto& git = std::get<GitSource>(source);
  return store_.find(record_of(git, commit_of(git, stop)));
}

PlannedLayer RemoteSources::fetch(const RemoteSource& source, const std::stop_token& stop) {
  if (const auto* http = std::get_if<HttpSource>(&source)) return downloads_.fetch(*http, stop);
  return fetch_git(std::get<GitSource>(source), stop);
}

// ADD-24: for the host first, a whole header before a token.
GitAccess RemoteSources::access_to(const GitSource& source) const {
  GitAccess access;
  access.remote = source.remote;
  if (speaks_ssh(source.remote)) {
    const auto socket = settings_.ssh_socket ? settings_.ssh_socket("default") : std::nullopt;
    if (!socket) throw Error(Errc::invalid, "no SSH key \"default\" forwarded from the client (--ssh default)");
    access.ssh_socket = *socket;
    return access;
  }
  if (!settings_.secret) return access;
  const std::string host = host_of(source.remote);
  for (const std::string& suffix : {"." + host, std::string()}) {
    if (const auto header = settings_.secret("GIT_AUTH_HEADER" + suffix)) {
      access.authorization = trimmed(*header);
      return access;
    }
    if (const auto token = settings_.secret("GIT_AUTH_TOKEN" + suffix)) {
      access.authorization = "basic " + base64("x-access-token:" + trimmed(*token));
      return access;
    }
  }
  return access;
}

GitCommit RemoteSources::commit_of(const GitSource& source, const std::stop_token& stop) {
  const std::string text = text_of(source);
  const auto known = commits_.with([&](const auto& commits) -> std::optional<GitCommit> {
    const auto found = commits.find(text);
    return found == commits.end() ? std::nullopt : std::optional(found->second);
  });
  if (known) return *known;
  const TempDir scratch = store_.store().scratch("git");
  const bool names_commit = source.fetch_by_commit || is_commit(source.ref);
  // A commit's own name needs no access: it may be in the store although the remote is out of reach.
  const GitAccess access = names_commit ? GitAccess{source.remote, "", ""} : access_to(source);
  const GitProgram git(settings_.git, access, scratch, stop);
  GitCommit commit = with_context([&] { return shown(source); }, [&] { return resolve_commit(git, source); });
  commits_.with([&](auto& commits) { commits.emplace(text, commit); });
  return commit;
}

// A commit's files are the same wherever it comes from; a kept .git tells its remote and its name there.
std::string RemoteSources::record_of(const GitSource& source, const GitCommit& commit) const {
  json record{{"v", 1}, {"kind", "git"}, {"subdir", word(source.subdir)}, {"submodules", source.submodules}};
  const bool keeps = source.keep_git_dir && source.subdir.empty();
  record["commit"] = keeps ? commit.object : commit.commit;
  if (keeps) record["git"] = {word(without_credentials(source.remote)), word(commit.ref)};
  record["times"] = "checkout";
  if (source.commit_times) {
    record["times"] = "commit";
  } else if (epoch_) {
    record["times"] = *epoch_;
  }
  return record.dump();
}

PlannedLayer RemoteSources::fetch_git(const GitSource& source, const std::stop_token& stop) {
  const GitCommit commit = commit_of(source, stop);
  const std::string record = record_of(source, commit);
  const auto lock = store_.lock(record, stop);
  if (auto layer = store_.find(record)) return *layer;
  Activity activity(progress_, "fetch " + shown(source));
  const TempDir scratch = store_.store().scratch("git");
  const GitProgram git(settings_.git, access_to(source), scratch, stop);
  const GitCheckout checkout = check_out(git, source, commit, scratch);
  const PlannedLayer layer =
      store_.make(record, [&](layers::LayerWriter& writer) { write_checkout(source, checkout, writer); });
  activity.succeed();
  return layer;
}

void RemoteSources::write_checkout(const GitSource& source, const GitCheckout& checkout,
                                   layers::LayerWriter& writer) const {
  Timestamp time = settings_.clock();
  if (epoch_) time = {*epoch_, 0};
  if (source.commit_times) time = {checkout.time_s, 0};
  const auto tree = layers::open_host_tree(checkout.files.duplicate(), {});
  layers::TreeLayerOptions options;
  const bool keeps = source.keep_git_dir && source.subdir.empty();
  if (!keeps) {
    // What is left of submodules' repositories too: files that lead to where they were cloned.
    options.leave_out = [](const TreePath& path) { return path.name() == ".git"; };
  }
  // ADD-22: what the owner may do, all may, but for writing: 0644, 0755; git's own objects are 0444.
  options.amend = [time](layers::Entry& entry) {
    entry.mtime = time;
    if (entry.type == layers::EntryType::symlink) return;
    const std::uint32_t owner = entry.mode >> 6 & 7;
    entry.mode = owner << 6 | (owner & 5) << 3 | (owner & 5);
  };
  layers::write_tree_layer(*tree, options, writer);
}

}  // namespace cooper::builder
