// Extended attributes: which names mean what, and which may go where.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace cooper::layers {

inline constexpr std::string_view kCapability = "security.capability";
inline constexpr std::string_view kOpaqueXattr = "user.overlay.opaque";
inline constexpr std::string_view kOverrideXattr = "user.cooper.override";

// Names that steer overlayfs, fuse-overlayfs or cooper itself: from a tar or a context they stay in
// the table, never reach a directory (they hide files of the whole build), and never reach a layer.
bool is_private_xattr(std::string_view name);

// Names whose meaning belongs to the machine (security.selinux, ima, evm, trusted.*): never set,
// never written.
bool is_machine_xattr(std::string_view name);

// What a layer may hold (IMG-14): security.capability; with keep also user.* and POSIX ACLs.
bool allowed_in_layer(std::string_view name, bool keep);

// A file capability in its version 2 form (capabilities(7), "File capability extended attribute
// versioning"): a version 3 value, which names the root user of a namespace, loses that name.
// Others come back as they are.
std::string capability_v2(std::string_view raw);

using Xattrs = std::map<std::string, std::string>;

// All attributes of an open file or directory; empty where the file system has none. path names it
// in errors.
Xattrs read_xattrs(int fd, const std::string& path);

}  // namespace cooper::layers
