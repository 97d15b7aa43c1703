// Extended attributes: which names mean what, and which may go where.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "layers/xattrs.h"

namespace cooper::layers {

inline constexpr std::string_view kCapability = "security.capability";
inline constexpr std::string_view kOpaqueXattr = "user.overlay.opaque";
inline constexpr std::string_view kAccessAclXattr = "system.posix_acl_access";
inline constexpr std::string_view kDefaultAclXattr = "system.posix_acl_default";
inline constexpr std::string_view kOverrideXattr = "user.cooper.override";

// Names that steer overlayfs, fuse-overlayfs or cooper itself: from a tar or a context they stay in
// the table, never reach a directory (they hide files of the whole build), and never reach a layer.
bool is_private_xattr(std::string_view name);

// Names whose meaning belongs to the machine (security.selinux, ima, evm, trusted.*): never set,
// never written.
bool is_machine_xattr(std::string_view name);

// What a layer may hold (IMG-14): security.capability; with keep also user.* and POSIX ACLs.
bool allowed_in_layer(std::string_view name, bool keep);

// Whether --keep-xattrs is what decides about this one.
inline bool kept_on_request(std::string_view name) {
  return allowed_in_layer(name, true) && !allowed_in_layer(name, false);
}

// A file's access ACL (acl(5), in the form of its attribute) after chmod(2) to `mode`. What is no
// ACL comes back as it is.
std::string acl_with_mode(std::string acl, std::uint32_t mode);

// A file capability in its version 2 form (capabilities(7), "File capability extended attribute
// versioning"): a version 3 value, which names the root user of a namespace, loses that name.
// Others come back as they are.
std::string capability_v2(std::string_view raw);

// Attributes of an open file or directory, all or those that are wanted; empty where the file
// system has none. path names it in errors.
Xattrs read_xattrs(int fd, const std::string& path,
                   const std::function<bool(std::string_view)>& wanted = {});

}  // namespace cooper::layers
