#include "base/dir_resolve.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <string_view>
#include <utility>

namespace cooper {
namespace {

// The only state: whether tests have forbidden openat2.
std::atomic<bool> openat2_allowed = true;

}  // namespace

bool set_openat2_allowed(bool allowed) noexcept {
  return openat2_allowed.exchange(allowed);
}

namespace dir_resolve {
namespace {

int openat2(int dir, const char* path, const open_how& how) noexcept {
  return static_cast<int>(::syscall(SYS_openat2, dir, path, &how, sizeof how));
}

// Asked once: old kernels say ENOSYS, seccomp filters older than the call say EPERM.
bool openat2_exists() noexcept {
  static const bool exists = [] {
    const open_how how{.flags = O_PATH | O_CLOEXEC, .mode = 0, .resolve = 0};
    const UniqueFd root(openat2(AT_FDCWD, "/", how));
    return root || (errno != ENOSYS && errno != EPERM);
  }();
  return exists;
}

constexpr std::uint64_t resolve_flags(Confine confine) noexcept {
  return confine == Confine::image ? RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
                                   : RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
}

// In place of an errno: the kernel cannot answer, the walk must.
constexpr int kUseWalk = -1;

Opened open_with_kernel(int root, Confine confine, const std::string& path, int flags,
                        mode_t mode) {
  // The kernel takes no path of PATH_MAX bytes or more, but a tree may hold one.
  if (path.size() >= PATH_MAX) return {UniqueFd(), kUseWalk};
  if (!openat2_allowed.load(std::memory_order_relaxed) || !openat2_exists()) {
    return {UniqueFd(), kUseWalk};
  }
  // openat2 refuses flags and modes that open(2) ignores.
  if ((flags & O_PATH) != 0) flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW;
  const bool creates = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  const open_how how{.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC),
                     .mode = creates ? mode & 07777U : 0U,
                     .resolve = resolve_flags(confine)};
  // EAGAIN: something was renamed while ".." was being resolved, openat2(2). The walk does not need
  // that guarantee, so it has the last word when the renaming does not stop.
  constexpr int kTries = 32;
  for (int attempt = 0; attempt < kTries;) {
    UniqueFd fd(openat2(root, path.c_str(), how));
    if (fd) return {std::move(fd), 0};
    if (errno == EINTR) continue;
    if (errno == EPERM || errno == ENOSYS)
      break;  // perhaps a filter installed since the first call
    if (errno != EAGAIN) return {UniqueFd(), errno};
    ++attempt;
  }
  return {UniqueFd(), kUseWalk};
}

// Resolves component by component, holding the current directory open. A link is read and its text
// resolved by hand, so nothing that is swapped meanwhile leads outside: every step is one name
// below a held directory, or starts again at the root.
class Walk {
 public:
  Walk(int root, Confine confine) noexcept : root_(root), confine_(confine) {}

  // Follows everything; returns an errno.
  int run(std::string_view path);
  // Afterwards: the directory reached, and below it the name of a non-directory (or empty).
  int directory() const noexcept { return current_ ? current_.get() : root_; }
  UniqueFd take_directory() noexcept { return std::move(current_); }
  const std::string& leaf() const noexcept { return leaf_; }
  std::string text() const;

 private:
  void push(std::string_view path);
  int step(const std::string& name);
  int follow_link(int link);
  int ascend();

  int root_;
  Confine confine_;
  UniqueFd current_;                // empty at the root
  std::vector<std::string> names_;  // of the directories from the root to the current one
  std::vector<std::string> todo_;   // back() comes next
  std::string leaf_;
  int hops_ = 0;
};

// Queues path's components before what is queued already.
void Walk::push(std::string_view path) {
  std::vector<std::string> parts;
  // "x/" asserts that x is a directory, which is what "x/." does.
  const bool asserts_directory = path.ends_with('/');
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (slash != 0) parts.emplace_back(path.substr(0, slash));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  if (asserts_directory) parts.emplace_back(".");
  todo_.insert(todo_.end(), std::make_move_iterator(parts.rbegin()),
               std::make_move_iterator(parts.rend()));
}

int Walk::run(std::string_view path) {
  push(path);
  while (!todo_.empty()) {
    const std::string name = std::move(todo_.back());
    todo_.pop_back();
    if (name == ".") continue;
    const int errnum = name == ".." ? ascend() : step(name);
    if (errnum != 0) return errnum;
  }
  return 0;
}

int Walk::step(const std::string& name) {
  UniqueFd fd(::openat(directory(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return errno;
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return errno;
  if (S_ISLNK(status.st_mode)) return follow_link(fd.get());
  if (S_ISDIR(status.st_mode)) {
    current_ = std::move(fd);
    names_.push_back(name);
    return 0;
  }
  if (!todo_.empty()) return ENOTDIR;
  leaf_ = name;
  return 0;
}

int Walk::follow_link(int link) {
  constexpr int kMaxHops = 40;  // as the kernel, path_resolution(7)
  if (confine_ == Confine::strict || hops_++ >= kMaxHops) return ELOOP;
  std::string target(PATH_MAX, '\0');
  const ssize_t length = ::readlinkat(link, "", target.data(), target.size());
  if (length < 0) return errno;
  target.resize(static_cast<std::size_t>(length));
  if (target.empty()) return ENOENT;
  if (target.front() == '/') {
    current_.reset();
    names_.clear();
  }
  push(target);
  return 0;
}

// Comes down again from the root: opening ".." would follow a directory that was moved out of the
// tree meanwhile.
int Walk::ascend() {
  if (names_.empty()) return 0;  // the root's parent is the root
  names_.pop_back();
  UniqueFd at;
  for (const std::string& name : names_) {
    UniqueFd next(::openat(at ? at.get() : root_, name.c_str(),
                           O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC));
    if (!next) return errno;
    at = std::move(next);
  }
  current_ = std::move(at);
  return 0;
}

std::string Walk::text() const {
  std::string joined;
  for (const std::string& name : names_) joined.append("/").append(name);
  return leaf_.empty() ? joined : joined.append("/").append(leaf_);
}

const char* last_name(const TreePath& path) noexcept {
  return path.is_root() ? "." : path.name().data();  // a suffix of a std::string: ends with NUL
}

bool has_one_component(const TreePath& path) noexcept {
  return path.str().find('/') == std::string::npos;
}

}  // namespace

Opened open_directory(int root, Confine confine, const std::string& path) {
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  if (path.empty()) {
    UniqueFd fd(::openat(root, ".", kFlags));
    return fd ? Opened{std::move(fd), 0} : Opened{UniqueFd(), errno};
  }
  Opened opened = open_with_kernel(root, confine, path, kFlags, 0);
  if (opened.errnum != kUseWalk) return opened;
  Walk walk(root, confine);
  const int errnum = walk.run(path);
  if (errnum != 0) return {UniqueFd(), errnum};
  if (!walk.leaf().empty()) return {UniqueFd(), ENOTDIR};
  if (walk.directory() == root) return open_directory(root, confine, {});
  return {walk.take_directory(), 0};
}

Place find_place(int root, Confine confine, const TreePath& path) {
  Place place;
  place.name = last_name(path);
  place.fd = root;
  if (has_one_component(path)) return place;
  Opened parent = open_directory(root, confine, path.parent().str());
  place.errnum = parent.errnum;
  place.owned = std::move(parent.fd);
  place.fd = place.owned.get();
  return place;
}

Opened open(int root, Confine confine, const TreePath& path, int flags, mode_t mode) {
  flags |= O_NOFOLLOW | O_CLOEXEC;
  if (!has_one_component(path)) {
    Opened opened = open_with_kernel(root, confine, path.str(), flags, mode);
    if (opened.errnum != kUseWalk) return opened;
  }
  const Place place = find_place(root, confine, path);
  if (place.errnum != 0) return {UniqueFd(), place.errnum};
  for (;;) {
    UniqueFd fd(::openat(place.fd, place.name, flags, mode));
    if (fd) return {std::move(fd), 0};
    if (errno != EINTR) return {UniqueFd(), errno};
  }
}

Resolved follow(int root, Confine confine, const TreePath& path) {
  Walk walk(root, confine);
  const int errnum = walk.run(path.str());
  if (errnum != 0) return {TreePath(), errnum};
  return {TreePath::clean(walk.text()), 0};
}

}  // namespace dir_resolve
}  // namespace cooper
