#include "builder/sandbox/mount_stubs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <set>
#include <utility>

#include "base/error.h"
#include "builder/sandbox/step_root_credentials.h"
#include "builder/sandbox/user_namespace.h"

namespace cooper::builder {
namespace {

// As many links as the kernel follows in one path, path_resolution(7).
constexpr int kMaxLinks = 40;

Timestamp mtime_of(const struct stat& status) {
  return {status.st_mtim.tv_sec, static_cast<std::uint32_t>(status.st_mtim.tv_nsec)};
}

// What is left of a path: ".." among it is taken where it comes, behind links that were followed.
using Rest = std::deque<std::string>;

void put_in_front(Rest& rest, std::string_view path) {
  std::vector<std::string> components;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (const auto part = path.substr(0, end); !part.empty() && part != ".") {
      components.emplace_back(part);
    }
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  rest.insert(rest.begin(), components.begin(), components.end());
}

TreePath joined(const Rest& rest) {
  std::string path;
  for (const std::string& part : rest) path += "/" + part;
  return TreePath::clean(path);
}

}  // namespace

MountStubs::~MountStubs() {
  try {
    remove();
  } catch (const Error&) {
    // Unwinding from the failure that matters; what is left is an empty directory in a snapshot
    // that nobody will use.
  }
}

// Goes down one component at a time. made: what had to be created; null means stubs.
MountStubs::Target MountStubs::walk(const TreePath& target, bool directory,
                                    std::vector<TreePath>* made) {
  Rest rest;
  put_in_front(rest, target.str());
  TreePath at;
  int links = 0;
  while (!rest.empty()) {
    if (rest.front() == "..") {
      at = at.parent();
      rest.pop_front();
      continue;
    }
    if (std::find(targets_.begin(), targets_.end(), at) != targets_.end()) {
      return {at / joined(rest), at, true};
    }
    const TreePath next = at.child(rest.front());
    rest.pop_front();
    const auto status = root_.try_stat(next);
    if (!status) {
      make(next, directory || !rest.empty());
      if (made != nullptr) made->push_back(next);
    } else if (S_ISLNK(status->st_mode)) {
      if (++links > kMaxLinks) throw SysError(ELOOP, cat("mounting on ", target.absolute()));
      const std::string text = root_.read_link(next);
      if (text.starts_with('/')) at = TreePath();
      put_in_front(rest, text);
      continue;
    }
    at = next;
  }
  return {at, {}, false};
}

void MountStubs::make(const TreePath& path, bool directory) {
  const TreePath parent = path.parent();
  const Timestamp before = mtime_of(root_.stat(parent));
  if (directory) {
    root_.make_dir(path, 0755);
    root_.set_mode(path, 0755);  // whatever our umask
  } else {
    const UniqueFd file = root_.open_file(path, O_CREAT | O_EXCL | O_WRONLY, 0644);
  }
  const struct stat status = root_.stat(path);
  made_.push_back({path, status.st_dev, status.st_ino});
  Times& times = parents_.try_emplace(parent, Times{before, before}).first->second;
  times.after = mtime_of(root_.stat(parent));
}

MountStubs::Target MountStubs::prepare(const TreePath& target, bool directory) {
  const StepRootCredentials as_step_root(identity_);
  Target found = with_context([&] { return cat("making the mount point ", target.absolute()); },
                              [&] { return walk(target, directory, nullptr); });
  targets_.push_back(found.path);
  return found;
}

void MountStubs::make_working_dir(const TreePath& path, std::uint32_t uid, std::uint32_t gid) {
  require_step_ids(identity_, uid, gid);
  const std::uint32_t outside_uid = outside_id(identity_.step_uids, uid).value();
  const std::uint32_t outside_gid = outside_id(identity_.step_gids, gid).value();
  const StepRootCredentials as_step_root(identity_);
  std::vector<TreePath> made;
  with_context([&] { return cat("making the working directory ", path.absolute()); },
               [&] { walk(path, true, &made); });
  for (const TreePath& dir : made) root_.set_owner(dir, outside_uid, outside_gid);
  made_.clear();  // they stay
  parents_.clear();
}

bool MountStubs::remove_one(const Made& made) {
  const auto status = root_.try_stat(made.path);
  if (!status) return true;
  // The step has put something else there: not ours to touch.
  if (status->st_dev != made.device || status->st_ino != made.inode) return false;
  if (S_ISREG(status->st_mode) && status->st_size != 0) return false;
  const UniqueFd parent = root_.open_parent(made.path);
  const std::string name(made.path.name());
  const int flags = S_ISDIR(status->st_mode) ? AT_REMOVEDIR : 0;
  return ::unlinkat(parent.get(), name.c_str(), flags) == 0;
}

void MountStubs::restore_times(const std::vector<TreePath>& left,
                               const std::map<TreePath, Timestamp>& seen) {
  const auto remains = [&](const TreePath& parent) {
    return std::any_of(left.begin(), left.end(),
                       [&](const TreePath& path) { return path.parent() == parent; });
  };
  for (const auto& [parent, times] : parents_) {
    const auto now = seen.find(parent);
    if (now == seen.end() || !root_.try_stat(parent)) continue;
    // A directory the step did not touch looks as before the stub; one it did, as it left it.
    const bool untouched = now->second == times.after && !remains(parent);
    root_.set_mtime(parent, untouched ? times.before : now->second);
  }
}

std::vector<TreePath> MountStubs::remove() {
  if (made_.empty()) return {};
  const StepRootCredentials as_step_root(identity_);
  std::map<TreePath, Timestamp> seen;
  for (const auto& [parent, times] : parents_) {
    if (const auto status = root_.try_stat(parent)) seen.emplace(parent, mtime_of(*status));
  }
  const std::vector<Made> made = std::exchange(made_, {});
  std::vector<TreePath> left;
  for (auto stub = made.rbegin(); stub != made.rend(); ++stub) {
    if (!remove_one(*stub)) left.push_back(stub->path);
  }
  restore_times(left, seen);
  parents_.clear();
  return left;
}

}  // namespace cooper::builder
