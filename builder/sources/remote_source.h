// What lies elsewhere and is fetched for a build: a file behind a URL, a commit of a git repository. Values; how they
// are written in Dockerfiles and flags is git_ref.h's and the planner's business, how they come here source_fetcher.h's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "oci/digest.h"

namespace cooper::builder {

// The name of the one file that a fetched URL is as a tree (CTX-14); ADD copies it under a name of its own (ADD-09).
inline constexpr std::string_view kDownloadName = "context";

struct HttpSource {
  std::string url;
  std::optional<oci::ContentDigest> checksum;
  friend bool operator==(const HttpSource&, const HttpSource&) = default;
};

struct GitSource {
  std::string remote;          // as git takes it, credentials included
  std::string ref;             // "": the remote's HEAD
  std::string subdir;          // "": the root of the tree; else relative, without ".."
  std::string checksum;        // "", or the beginning of the commit's (or annotated tag's) name
  bool keep_git_dir = false;   // ADD-21
  bool submodules = true;      // ADD-22
  bool commit_times = false;   // mtime=commit (ADD-25)
  bool fetch_by_commit = false;  // the checksum is the commit; the ref is only its name
  friend bool operator==(const GitSource&, const GitSource&) = default;
};

using RemoteSource = std::variant<HttpSource, GitSource>;

// User name and password of a URL replaced by "xxxxx"; anything else comes back as it is. For everything that is
// shown or kept: messages, history, records.
std::string without_credentials(std::string_view url);
// For people: "https://host/repo.git#ref:subdir".
std::string shown(const RemoteSource& source);

}  // namespace cooper::builder
