// One entry of a tree or a layer: what a tar header, a directory walk and a table row all become.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/dir.h"
#include "base/tree_path.h"
#include "layers/fingerprint.h"
#include "layers/xattrs.h"
#include "oci/digest.h"

namespace cooper::layers {

enum class EntryType : std::uint8_t {
  file,
  directory,
  symlink,
  hard_link,  // another name of link_target, a file of the same layer that sorts or came earlier
  char_device,
  block_device,
  fifo,
  whiteout,  // path is what was removed (image-spec layer.md, "Whiteouts"); layers only
};
std::string_view to_string(EntryType type);  // for messages

// How names say what is hidden (image-spec layer.md, "Whiteouts"): before the name of what was
// removed; in an opaque directory.
inline constexpr std::string_view kWhiteoutPrefix = ".wh.";
inline constexpr std::string_view kOpaqueName = ".wh..wh..opq";

// Ordered so that nothing is lost between the members: a selection holds one for each file.
struct Entry {
  TreePath path;
  std::string link_target;  // symlink: verbatim text; hard_link: TreePath text of the first name
  std::uint64_t size_bytes = 0;  // files only
  Timestamp mtime;
  Xattrs xattrs;           // "security.capability" in its v2 form, and what is allowed
  std::uint32_t mode = 0;  // permission, set-id and sticky bits: 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  EntryType type = EntryType::file;
  bool opaque = false;  // directory: nothing of the layers below shows through
  // A file of the host whose bytes and capability nobody looked at yet (WalkGuide::leaves_unread).
  bool unread = false;
  std::optional<oci::ContentDigest> content;  // files: digest of the bytes, once known
  Fingerprint fingerprint;  // of the same bytes, where this process took that digest itself
  friend bool operator==(const Entry&, const Entry&) = default;
};
static_assert(sizeof(Entry) <= 160);

// Limits on foreign tars; generous, but a bomb hits one of them. Exceeding one is Error(invalid)
// that names the limit and the member.
struct TarLimits {
  std::uint64_t entries = 20'000'000;
  std::size_t path_bytes = 16 * 1024;
  std::size_t components = 1024;
  std::uint64_t total_bytes = std::uint64_t{1} << 44;
  std::size_t xattr_bytes = 1 << 20;
  // Names, attributes and rows of all members: a table is held in memory, and long names compress
  // well.
  std::uint64_t metadata_bytes = std::uint64_t{2} << 30;
  // Uncompressed : compressed, once past the floor. gzip's own bound is 1032; zstd packs honest
  // runs of zeros 30,000 times, which is what the floor is for.
  std::uint64_t ratio = 1100;
  std::uint64_t ratio_floor_bytes = std::uint64_t{4} << 30;
};

}  // namespace cooper::layers
