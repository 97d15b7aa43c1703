// Git sources as Dockerfiles and build contexts write them (rows ADD-16 … ADD-21, CTX-06):
//
//   git@host:path  user@host:path  ssh://…  git://…  http(s)://….git     then [?query][#ref[:subdir]]
//   github.com/owner/name          build contexts only; in ADD it is a local path
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "builder/sources/remote_source.h"

namespace cooper::builder {

struct GitRef {
  GitSource source;                  // keep_git_dir: as the query says, else false
  std::optional<bool> keep_git_dir;  // the query's word
  bool looks_local = false;          // github.com/…: a path unless it is a build context
};

// nullopt: not a git source. Error(invalid) for one with a query that does not hold together (ADD-18, ADD-19).
std::optional<GitRef> parse_git_ref(const std::string& text);

// "%20" as a blank; what is no escape stays.
std::string decode_percent(std::string_view text);
// A full commit name, sha1 or sha256.
bool is_commit(std::string_view text);

}  // namespace cooper::builder
