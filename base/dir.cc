#include "base/dir.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <utility>

#include "base/byte_stream.h"
#include "base/dir_entries.h"
#include "base/dir_resolve.h"
#include "base/error.h"

namespace cooper {
namespace {

bool means_absent(int errnum) noexcept {
  return errnum == ENOENT || errnum == ENOTDIR;
}

// 0 or an errno.
int stat_at(int root, Confine confine, const TreePath& path, struct stat& status) {
  if (path.is_root()) return ::fstat(root, &status) == 0 ? 0 : errno;
  if (path.str().find('/') == std::string::npos) {
    const int done = ::fstatat(root, path.str().c_str(), &status, AT_SYMLINK_NOFOLLOW);
    return done == 0 ? 0 : errno;
  }
  const auto opened = dir_resolve::open(root, confine, path, O_PATH, 0);
  if (opened.errnum != 0) return opened.errnum;
  return ::fstat(opened.fd.get(), &status) == 0 ? 0 : errno;
}

}  // namespace

Dir Dir::open(const std::filesystem::path& host_path, Confine confine) {
  UniqueFd fd(::open(host_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw_errno("opening directory", host_path.native());
  return Dir(std::move(fd), confine, host_path.native());
}

Dir::Dir(UniqueFd fd, Confine confine, std::string label)
    : fd_(std::move(fd)), confine_(confine), label_(std::move(label)) {}

Dir Dir::duplicate() const {
  return Dir(fd_.duplicate(), confine_, label_);
}

std::string Dir::describe(const TreePath& path) const {
  if (path.is_root()) return label_;
  return label_.ends_with('/') ? label_ + path.str() : label_ + path.absolute();
}

void Dir::fail(int errnum, std::string_view doing, const TreePath& path) const {
  throw SysError(errnum, cat(doing, " ", describe(path)));
}

struct stat Dir::stat(const TreePath& path) const {
  struct stat status {};
  const int errnum = stat_at(fd_.get(), confine_, path, status);
  if (errnum != 0) fail(errnum, "looking at", path);
  return status;
}

std::optional<struct stat> Dir::try_stat(const TreePath& path) const {
  struct stat status {};
  const int errnum = stat_at(fd_.get(), confine_, path, status);
  if (means_absent(errnum)) return std::nullopt;
  if (errnum != 0) fail(errnum, "looking at", path);
  return status;
}

std::string Dir::read_link(const TreePath& path) const {
  const auto place = dir_resolve::find_place(fd_.get(), confine_, path);
  if (place.errnum != 0) fail(place.errnum, "reading link", path);
  std::array<char, PATH_MAX> target;  // no link is longer, symlink(2)
  const ssize_t length = ::readlinkat(place.fd, place.name, target.data(), target.size());
  if (length < 0) fail(errno, "reading link", path);
  return {target.data(), static_cast<std::size_t>(length)};
}

std::vector<DirEntry> Dir::list(const TreePath& path) const {
  const UniqueFd dir = open_file(path, O_RDONLY | O_DIRECTORY);
  std::vector<DirEntry> entries;
  const int errnum = read_entries(dir.get(), entries);
  if (errnum != 0) fail(errnum, "listing", path);
  std::sort(entries.begin(), entries.end(),
            [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
  return entries;
}

std::optional<TreePath> Dir::resolve(const TreePath& path) const {
  auto resolved = dir_resolve::follow(fd_.get(), confine_, path);
  if (means_absent(resolved.errnum)) return std::nullopt;
  if (resolved.errnum != 0) fail(resolved.errnum, "resolving", path);
  return std::move(resolved.path);
}

UniqueFd Dir::open_file(const TreePath& path, int flags, mode_t mode) const {
  auto opened = dir_resolve::open(fd_.get(), confine_, path, flags, mode);
  if (opened.errnum != 0) fail(opened.errnum, "opening", path);
  return std::move(opened.fd);
}

std::optional<UniqueFd> Dir::try_open_file(const TreePath& path, int flags) const {
  auto opened = dir_resolve::open(fd_.get(), confine_, path, flags, 0);
  if (means_absent(opened.errnum)) return std::nullopt;
  if (opened.errnum != 0) fail(opened.errnum, "opening", path);
  return std::move(opened.fd);
}

Dir Dir::subdir(const TreePath& path) const {
  return Dir(open_file(path, O_PATH | O_DIRECTORY), confine_, describe(path));
}

std::string Dir::read_file(const TreePath& path, std::size_t limit_bytes) const {
  // O_NONBLOCK: a FIFO put in place of the file must not hang us.
  UniqueFd fd = open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) fail(errno, "looking at", path);
  if (!S_ISREG(status.st_mode)) {
    throw Error(Errc::invalid, cat(describe(path), " is not a regular file"));
  }
  FdSource source(std::move(fd), describe(path));
  return read_all(source, limit_bytes, describe(path));
}

UniqueFd Dir::open_parent(const TreePath& path) const {
  if (path.is_root()) fail(EINVAL, "opening the parent of", path);
  auto opened = dir_resolve::open_directory(fd_.get(), confine_, path.parent().str());
  if (opened.errnum != 0) fail(opened.errnum, "opening the parent of", path);
  return std::move(opened.fd);
}

}  // namespace cooper
