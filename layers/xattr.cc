#include "layers/xattr.h"

#include <sys/xattr.h>

#include <cerrno>
#include <cstdint>

#include "base/error.h"

namespace cooper::layers {
namespace {

constexpr std::size_t kHeaderBytes = 4;
constexpr std::size_t kV2Bytes = 20;  // magic and two pairs of words
constexpr std::size_t kV3Bytes = 24;  // and the namespace's root user
constexpr char kV2Revision = 2;
constexpr char kV3Revision = 3;

bool is_absence(int errnum) {
  return errnum == ENOTSUP || errnum == ENODATA || errnum == ENOSYS;
}

// Both calls answer ERANGE when the value grew since it was measured.
template <class Call>
std::string read_growing(Call call, const std::string& path) {
  std::string text(256, '\0');
  for (;;) {
    const ssize_t got = call(text.data(), text.size());
    if (got >= 0) {
      text.resize(static_cast<std::size_t>(got));
      return text;
    }
    if (is_absence(errno)) return {};
    if (errno != ERANGE) throw_errno("reading extended attributes of", path);
    text.resize(text.size() * 4);
  }
}

}  // namespace

bool is_private_xattr(std::string_view name) {
  return name.starts_with("user.overlay.") || name.starts_with("trusted.overlay.") ||
         name.starts_with("user.fuseoverlayfs.") || name.starts_with("user.cooper.");
}

bool is_machine_xattr(std::string_view name) {
  return name.starts_with("trusted.") || (name.starts_with("security.") && name != kCapability);
}

bool allowed_in_layer(std::string_view name, bool keep) {
  if (name == kCapability) return true;
  if (!keep || is_private_xattr(name)) return false;
  return name.starts_with("user.") || name == kAccessAclXattr || name == kDefaultAclXattr;
}

std::string acl_with_mode(std::string acl, std::uint32_t mode) {
  // A little-endian version word, then entries: tag, permissions (two bytes each), id (four).
  constexpr std::size_t kEntryBytes = 8;
  constexpr std::size_t kPermAt = 2;
  constexpr char kUserObject = 0x01;
  constexpr char kGroupObject = 0x04;
  constexpr char kMask = 0x10;
  constexpr char kOther = 0x20;
  if (acl.size() < kHeaderBytes || acl[0] != 2 || (acl.size() - kHeaderBytes) % kEntryBytes != 0) return acl;
  const auto set = [&](char tag, std::uint32_t bits) {
    for (std::size_t at = kHeaderBytes; at < acl.size(); at += kEntryBytes) {
      if (acl[at] != tag || acl[at + 1] != 0) continue;
      acl[at + kPermAt] = static_cast<char>(bits & 7);
      return true;
    }
    return false;
  };
  set(kUserObject, mode >> 6);
  if (!set(kMask, mode >> 3)) set(kGroupObject, mode >> 3);  // the mask is what the group bits of a mode are
  set(kOther, mode);
  return acl;
}

std::string capability_v2(std::string_view raw) {
  // The magic is a little-endian word: flags in the low byte, the revision in the high one.
  if (raw.size() != kV3Bytes || raw[kHeaderBytes - 1] != kV3Revision) return std::string(raw);
  std::string value(raw.substr(0, kV2Bytes));
  value[kHeaderBytes - 1] = kV2Revision;
  return value;
}

Xattrs read_xattrs(int fd, const std::string& path, const std::function<bool(std::string_view)>& wanted) {
  Xattrs xattrs;
  const std::string names = read_growing(
      [fd](char* into, std::size_t size) { return ::flistxattr(fd, into, size); }, path);
  for (std::size_t at = 0; at < names.size();) {
    const std::string name(names.c_str() + at);
    at += name.size() + 1;
    if (wanted && !wanted(name)) continue;
    std::string value = read_growing(
        [&](char* into, std::size_t size) { return ::fgetxattr(fd, name.c_str(), into, size); },
        path);
    xattrs.emplace(name, name == kCapability ? capability_v2(value) : std::move(value));
  }
  return xattrs;
}

}  // namespace cooper::layers
