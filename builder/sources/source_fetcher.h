// Brings what lies elsewhere into the store, once per content: a layer that COPY reads in place and that a RUN can mount
// like any other. Nothing in a repository, archive or answer reaches anything else of the host.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include "base/dir.h"
#include "base/guarded.h"
#include "builder/plan.h"
#include "builder/progress.h"
#include "builder/secret_lookup.h"
#include "builder/sources/git_checkout.h"
#include "builder/sources/http_download.h"
#include "builder/sources/source_store.h"

namespace cooper::builder {

class SourceFetcher {
 public:
  virtual ~SourceFetcher() = default;
  // What the store has of it, after asking the other side whether that is still what the source means. Transfers no
  // content and starts no thread. nullopt: it must be fetched.
  virtual std::optional<PlannedLayer> find(const RemoteSource& source, const std::stop_token& stop) = 0;
  virtual PlannedLayer fetch(const RemoteSource& source, const std::stop_token& stop) = 0;
};

struct SourceSettings {
  SecretLookup secret;      // HTTP_AUTH_TOKEN_<host>, GIT_AUTH_TOKEN, … (ADD-13, ADD-24)
  SecretLookup ssh_socket;  // of the agent forwarded under an id ("default")
  GitSettings git;
  HttpSettings http;
  bool keep_xattrs = false;  // of archives that are a context
  std::function<Timestamp()> clock;  // times of checked out files, unless there is an epoch
};

// Thread-safe.
class RemoteSources : public SourceFetcher {
 public:
  RemoteSources(cache::Store& store, Progress& progress, SourceSettings settings);
  // Of what is fetched from here on: the plan knows it, and the context comes before the plan. Before any thread.
  void set_epoch(std::optional<std::int64_t> source_date_epoch) { epoch_ = source_date_epoch; }
  std::optional<PlannedLayer> find(const RemoteSource& source, const std::stop_token& stop) override;
  PlannedLayer fetch(const RemoteSource& source, const std::stop_token& stop) override;

  SourceStore& store() noexcept { return store_; }
  bool keep_xattrs() const noexcept { return settings_.keep_xattrs; }

 private:
  GitAccess access_to(const GitSource& source) const;
  GitCommit commit_of(const GitSource& source, const std::stop_token& stop);
  std::string record_of(const GitSource& source, const GitCommit& commit) const;
  PlannedLayer fetch_git(const GitSource& source, const std::stop_token& stop);
  void write_checkout(const GitSource& source, const GitCheckout& checkout, layers::LayerWriter& writer) const;

  SourceStore store_;
  Progress& progress_;
  SourceSettings settings_;
  std::optional<std::int64_t> epoch_;
  HttpDownloads downloads_;
  // Asked once per build: all of it sees one commit.
  Guarded<std::map<std::string, GitCommit>> commits_;
};

}  // namespace cooper::builder
