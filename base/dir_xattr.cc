// The calls of Dir for extended attributes.
//
// The l*xattr calls take a path and no directory descriptor, so they are given the parent's
// /proc/self/fd entry: the parent is what we hold, and the last component is not followed.
#include <sys/xattr.h>

#include <cerrno>

#include "base/dir.h"
#include "base/dir_resolve.h"
#include "base/error.h"

namespace cooper {
namespace {

std::string proc_path(const dir_resolve::Place& place) {
  return cat("/proc/self/fd/", place.fd, "/", place.name);
}

// Calls get(buffer, size) -> size or -1 until the buffer is big enough; 0 or an errno.
template <class Get>
int read_growing(const Get& get, std::string& out) {
  constexpr std::size_t kFirstBytes = 256;
  out.resize(kFirstBytes);
  for (;;) {
    const ssize_t size = get(out.data(), out.size());
    if (size >= 0) {
      out.resize(static_cast<std::size_t>(size));
      return 0;
    }
    if (errno != ERANGE) return errno;
    out.resize(out.size() * 4);  // at most 64 KiB, xattr(7)
  }
}

}  // namespace

std::vector<std::string> Dir::list_xattrs(const TreePath& path) const {
  const auto place = dir_resolve::find_place(fd_.get(), confine_, path);
  if (place.errnum != 0) fail(place.errnum, "listing attributes of", path);
  const std::string proc = proc_path(place);
  std::string joined;
  const int errnum = read_growing(
      [&](char* buffer, std::size_t size) { return ::llistxattr(proc.c_str(), buffer, size); },
      joined);
  if (errnum == ENOTSUP) return {};
  if (errnum != 0) fail(errnum, "listing attributes of", path);
  std::vector<std::string> names;
  for (std::size_t at = 0; at < joined.size(); at += names.back().size() + 1) {
    names.emplace_back(joined.c_str() + at);
  }
  return names;
}

std::optional<std::string> Dir::get_xattr(const TreePath& path, const std::string& name) const {
  const auto place = dir_resolve::find_place(fd_.get(), confine_, path);
  if (place.errnum != 0) fail(place.errnum, "reading an attribute of", path);
  const std::string proc = proc_path(place);
  std::string value;
  const int errnum = read_growing(
      [&](char* buffer, std::size_t size) {
        return ::lgetxattr(proc.c_str(), name.c_str(), buffer, size);
      },
      value);
  if (errnum == ENODATA || errnum == ENOTSUP) return std::nullopt;
  if (errnum != 0) fail(errnum, cat("reading attribute ", name, " of"), path);
  return value;
}

void Dir::set_xattr(const TreePath& path, const std::string& name, std::string_view value) const {
  const auto place = dir_resolve::find_place(fd_.get(), confine_, path);
  if (place.errnum != 0) fail(place.errnum, "setting an attribute of", path);
  if (::lsetxattr(proc_path(place).c_str(), name.c_str(), value.data(), value.size(), 0) != 0) {
    fail(errno, cat("setting attribute ", name, " of"), path);
  }
}

}  // namespace cooper
