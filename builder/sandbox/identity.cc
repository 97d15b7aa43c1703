#include "builder/sandbox/identity.h"

#include <pwd.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "base/child_process.h"
#include "base/error.h"
#include "builder/sandbox/build_namespace.h"
#include "builder/sandbox/identity_state.h"
#include "builder/sandbox/sub_ids.h"
#include "builder/sandbox/user_namespace.h"

namespace cooper::builder {
namespace {

// Ids of the host that steps of a root-run cooper get: far above anything useradd hands out. All that
// are left, as images name users of OpenShift (1000680000) and of directories far beyond the first
// 65536; what a host gives to directory users or containers up there is met by such large ids only.
constexpr std::uint32_t kStepIdStart = 0x40000000;
constexpr std::uint32_t kStepIdCount = 0xffffffff - kStepIdStart;  // without (uid_t)-1
constexpr std::uint32_t kAllIds = std::numeric_limits<std::uint32_t>::max();

constexpr const char* kHostRootInside =
    "): uid 0 of RUN steps is this machine's uid 0, without its capabilities";

std::optional<Identity>& entered_identity() {
  static std::optional<Identity> identity;
  return identity;
}

bool is_full(const std::vector<IdRange>& map) {
  return map == std::vector<IdRange>{{0, 0, kAllIds}};
}

std::vector<IdRange> identity_map(const std::vector<IdRange>& map) {
  std::vector<IdRange> same;
  for (const IdRange& range : map) same.push_back({range.inside, range.inside, range.count});
  return same;
}

std::string range_names(const std::vector<IdRange>& map) {
  std::string name;
  for (const IdRange& range : map) name += cat("-", range.outside, "-", range.count);
  return name;
}

// Trees are shared only between namespaces that show the same owners.
std::string mapping_name(const std::string& kind, const std::vector<IdRange>& uids,
                         const std::vector<IdRange>& gids) {
  const std::string uid_names = range_names(uids);
  const std::string gid_names = range_names(gids);
  return kind + uid_names + (gid_names == uid_names ? "" : "-g" + gid_names);
}

Identity single_id(const std::string& mapping, const std::string& why) {
  Identity identity;
  identity.kind = Identity::Kind::single_id;
  identity.step_uids = identity.step_gids = {{0, 0, 1}};
  identity.mapping = mapping;
  identity.notices.push_back(
      cat("only one user id is available (", why,
          "): steps run as uid 0 only and cannot change owners; install uidmap and give the user a "
          "range in /etc/subuid and /etc/subgid"));
  return identity;
}

bool has_only_root(const std::vector<IdRange>& map) {
  return map.size() == 1 && map[0].inside == 0 && map[0].count == 1;
}

Identity enter_as_root() {
  const auto uids = read_own_map("/proc/self/uid_map");
  const auto gids = read_own_map("/proc/self/gid_map");
  const bool own_mounts = ::unshare(CLONE_NEWNS) == 0;
  if (!own_mounts && errno != EPERM) throw_errno("making", "a mount namespace");
  if (!own_mounts) enter_with_own_maps(identity_map(uids), identity_map(gids));
  make_mounts_private();
  if (has_only_root(uids) || has_only_root(gids)) {
    return single_id(cat("one-", uids.at(0).outside), "the namespace around has no other");
  }
  Identity identity;
  const bool all_ids = is_full(uids) && is_full(gids);
  if (all_ids && own_mounts) {
    identity.kind = Identity::Kind::host_root;
    identity.step_uids = identity.step_gids = {{0, kStepIdStart, kStepIdCount}};
    identity.id_mapped_mounts = true;  // until StepStorage finds that it can't be
  } else {
    identity.kind = Identity::Kind::namespaced_root;
    identity.step_uids = identity_map(uids);
    identity.step_gids = identity_map(gids);
    if (all_ids) {
      identity.notices.push_back(
          cat("mounting is not allowed here (CAP_SYS_ADMIN", kHostRootInside));
    }
  }
  identity.mapping = all_ids ? "0" : mapping_name("ns", uids, gids);
  return identity;
}

std::uint32_t ids_from_zero(const std::vector<IdRange>& map) {
  std::uint32_t count = 0;  // ranges of a map need not be in order
  for (std::size_t i = 0; i < map.size(); ++i) {
    for (const IdRange& range : map) {
      if (range.inside == count) count += range.count;
    }
  }
  return count;
}

const char* id_hint(Identity::Kind kind) {
  switch (kind) {
    case Identity::Kind::host_root:
      return "too large a number for an id here";
    case Identity::Kind::namespaced_root:
      return "the container or user namespace that cooper runs in has no such id";
    case Identity::Kind::sub_ids:
      return "a larger range in /etc/subuid and /etc/subgid would give it one";
    case Identity::Kind::single_id:
      return "only one id is available here: install uidmap and give this user a range in "
             "/etc/subuid and /etc/subgid";
  }
  throw std::logic_error("no such kind of identity");
}

void require_id(const Identity& identity, const std::vector<IdRange>& map, const char* what,
                std::uint32_t id) {
  if (outside_id(map, id)) return;
  throw Error(
      Errc::denied,
      cat(what, " ", id, " is not among the ids this build may use: ", id_hint(identity.kind)));
}

std::string read_text_file(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> map_argv(const std::string& program, unsigned own_id,
                                  const std::vector<SubIds>& ranges) {
  std::vector<std::string> argv{program, cat(::getpid()), "0", cat(own_id), "1"};
  std::uint32_t inside = 1;
  for (const SubIds& range : ranges) {
    argv.insert(argv.end(), {cat(inside), cat(range.start), cat(range.count)});
    inside += range.count;
  }
  return argv;
}

std::vector<IdRange> user_map(unsigned own_id, const std::vector<SubIds>& ranges) {
  std::vector<IdRange> map{{0, own_id, 1}};
  std::uint32_t inside = 1;
  for (const SubIds& range : ranges) {
    map.push_back({inside, range.start, range.count});
    inside += range.count;
  }
  return map;
}

std::string user_name(unsigned uid) {
  const passwd* entry = ::getpwuid(uid);
  return entry == nullptr ? "" : entry->pw_name;
}

Identity enter_as_user() {
  const unsigned uid = ::geteuid();
  const unsigned gid = ::getegid();
  const std::string name = user_name(uid);
  const auto uids = parse_sub_ids(read_text_file("/etc/subuid"), name, uid);
  const auto gids = parse_sub_ids(read_text_file("/etc/subgid"), name, uid);
  const auto newuidmap = find_program("newuidmap");
  const auto newgidmap = find_program("newgidmap");
  std::string why;
  if (!newuidmap || !newgidmap) why = "newuidmap and newgidmap are not installed";
  if (uids.empty() || gids.empty()) {
    why = cat("no entry for ", name.empty() ? cat(uid) : name, " in /etc/",
              uids.empty() ? "subuid" : "subgid");
  }
  Identity identity;
  if (!why.empty()) {
    enter_with_single_id();
    identity = single_id(cat("one-", uid), why);
  } else if (std::string failed = enter_with_programs(
                 {map_argv(*newuidmap, uid, uids), map_argv(*newgidmap, gid, gids)});
             !failed.empty()) {
    map_single_id(uid, gid);
    identity = single_id(cat("one-", uid), failed);
  } else {
    const auto uid_map = user_map(uid, uids);
    const auto gid_map = user_map(gid, gids);
    identity.kind = Identity::Kind::sub_ids;
    identity.step_uids = identity_map(uid_map);
    identity.step_gids = identity_map(gid_map);
    identity.mapping = mapping_name("sub", {uid_map.begin() + 1, uid_map.end()},
                                    {gid_map.begin() + 1, gid_map.end()});
  }
  make_mounts_private();
  return identity;
}

}  // namespace

const Identity& enter_build_namespace() {
  std::optional<Identity>& identity = entered_identity();
  if (!identity) identity = ::geteuid() == 0 ? enter_as_root() : enter_as_user();
  return *identity;
}

std::string id_class(const Identity& identity) {
  constexpr std::uint32_t kUsualGrant = 65536;
  constexpr std::uint32_t kSignedIds = 0x7fffffff;
  const std::uint32_t count =
      std::min(ids_from_zero(identity.step_uids), ids_from_zero(identity.step_gids));
  // A user's grant comes beside his own id.
  if (count == kUsualGrant || count == kUsualGrant + 1 || count >= kSignedIds) return "";
  return count == 1 ? "one id" : cat(count, " ids");
}

void require_step_ids(const Identity& identity, std::uint32_t uid, std::uint32_t gid) {
  require_id(identity, identity.step_uids, "user", uid);
  require_id(identity, identity.step_gids, "group", gid);
}

void fall_back_to_all_ids(const std::string& reason) {
  std::optional<Identity>& identity = entered_identity();
  if (!identity || !identity->id_mapped_mounts) return;
  identity->id_mapped_mounts = false;
  identity->step_uids = identity->step_gids = {{0, 0, kAllIds}};
  identity->notices.push_back(
      cat("the store's file system has no id-mapped mounts (", reason, kHostRootInside));
}

}  // namespace cooper::builder
