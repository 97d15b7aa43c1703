// RUN --mount values (rows MNT-01 ... MNT-08, MNT-19, MNT-24).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace cooper::parser {

enum class MountType { bind, cache, tmpfs, secret, ssh };
enum class CacheSharing { shared, exclusive, locked };  // exclusive is spelled "private"

std::string_view to_string(MountType type);
std::string_view to_string(CacheSharing sharing);

struct RunMount {
  MountType type = MountType::bind;
  std::string from;       // "" : the build context (bind), nothing (cache)
  std::string source;     // "" : the root of `from`
  std::string target;     // as written; joining WORKDIR is the planner's (MNT-08)
  bool read_only = true;  // default by type: false for cache and tmpfs, true for the rest
  std::string id;         // cache, secret, ssh; "" : default
  CacheSharing sharing = CacheSharing::shared;
  bool required = false;         // secret, ssh
  std::uint64_t size_bytes = 0;  // tmpfs; 0: no limit
  std::optional<std::uint32_t> mode;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::optional<std::string> env;  // secret: variable name
  friend bool operator==(const RunMount&, const RunMount&) = default;
};

using MountExpander = std::function<std::string(const std::string& value)>;

// Reads one flag value; every value but `from` goes through `expand` (MNT-07, EXP-22). Throws
// DockerfileError without a range. Keys are judged left to right (MNT-05).
RunMount parse_mount(std::string_view text, const MountExpander& expand);

// The checks that need no values, made while parsing: fields can be told apart and `from` holds no
// variable. All else is judged where the mount is used (FROM-09). Returns `from`, for finding the
// stages a RUN depends on.
std::string check_mount(std::string_view text);

}  // namespace cooper::parser
