// A directory handle beneath which all file work happens.
//
// A path that is checked and then opened again can be swapped for a symlink in between; Dir closes
// that race by resolving the parent of every path with openat2 and acting on the last component
// with an *at call that does not follow links. Where openat2 is missing (ENOSYS, or EPERM from a
// seccomp filter) it walks component by component with the same meaning; set_openat2_allowed(false)
// forces that for tests.
//
// Two ways of looking at what is beneath, chosen at construction:
//   Confine::image  a tree from an image or a user: symlinks in the *parent* part are followed as
//   if
//                   the Dir were "/" (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS). ".." never leaves.
//   Confine::strict our own store: no symlink is ever followed (RESOLVE_BENEATH |
//   RESOLVE_NO_SYMLINKS),
//                   ELOOP or ENOTDIR is an Error.
// The last component is never followed unless a function says so. Errors are SysError naming
// label + path. Thread-safe: Dir is immutable; calls are system calls.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/tree_path.h"
#include "base/unique_fd.h"

namespace cooper {

enum class Confine { image, strict };

struct Timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

struct DirEntry {
  std::string name;
  unsigned char type = 0;  // DT_*, never DT_UNKNOWN
};

class Dir {
 public:
  // Opens a host path that a user or the configuration named (symlinks in it are followed).
  static Dir open(const std::filesystem::path& host_path, Confine confine);
  // Adopts an open directory descriptor (O_PATH is enough). label names it in errors.
  Dir(UniqueFd fd, Confine confine, std::string label);

  int fd() const noexcept { return fd_.get(); }
  const std::string& label() const noexcept { return label_; }
  Dir duplicate() const;

  // -- looking ------------------------------------------------------------------------------------
  struct stat stat(const TreePath& path) const;                     // lstat; throws if absent
  std::optional<struct stat> try_stat(const TreePath& path) const;  // nullopt: ENOENT, ENOTDIR
  std::string read_link(const TreePath& path) const;
  std::vector<DirEntry> list(const TreePath& path) const;  // sorted by name, no . or ..
  // Follows the last component too (inside the tree for image, never for strict).
  std::optional<TreePath> resolve(const TreePath& path) const;
  std::vector<std::string> list_xattrs(const TreePath& path) const;  // empty where unsupported
  std::optional<std::string> get_xattr(const TreePath& path, const std::string& name) const;

  // -- opening ------------------------------------------------------------------------------------
  // open(2) flags without O_NOFOLLOW/O_CLOEXEC, which are always added.
  UniqueFd open_file(const TreePath& path, int flags, mode_t mode = 0) const;
  std::optional<UniqueFd> try_open_file(const TreePath& path, int flags) const;  // nullopt: absent
  Dir subdir(const TreePath& path) const;                                        // same confinement
  std::string read_file(const TreePath& path, std::size_t limit_bytes) const;  // regular files only

  // -- changing -----------------------------------------------------------------------------------
  // Modes of new entries are cut by the umask, as in mkdir(2); set_mode is exact.
  void make_dir(const TreePath& path, mode_t mode) const;   // EEXIST is an error
  void make_dirs(const TreePath& path, mode_t mode) const;  // like mkdir -p
  void make_symlink(const std::string& target, const TreePath& path) const;
  void make_node(const TreePath& path, mode_t mode, dev_t device) const;
  void link(const TreePath& from, const TreePath& to) const;    // hard link, no follow
  void rename(const TreePath& from, const TreePath& to) const;  // replaces
  void unlink(const TreePath& path) const;                      // a non-directory
  // Absent is fine; the root of the tree is emptied. Unsearchable directories are made searchable.
  // Crosses no mount (EBUSY). What cannot be removed is passed over and the first such failure
  // thrown at the end.
  void remove_all(const TreePath& path) const;
  void set_owner(const TreePath& path, uid_t uid, gid_t gid) const;
  void set_mode(const TreePath& path, mode_t mode) const;       // not for symlinks
  void set_mtime(const TreePath& path, Timestamp mtime) const;  // atime is set equal
  void set_xattr(const TreePath& path, const std::string& name, std::string_view value) const;

  // Opens the directory that holds path's last component (O_PATH), for *at calls not listed above.
  // The root of the tree has none: EINVAL.
  UniqueFd open_parent(const TreePath& path) const;

 private:
  std::string describe(const TreePath& path) const;
  [[noreturn]] void fail(int errnum, std::string_view doing, const TreePath& path) const;

  UniqueFd fd_;
  Confine confine_;
  std::string label_;
};

// For tests: false makes every Dir resolve component by component. Returns the previous setting.
bool set_openat2_allowed(bool allowed) noexcept;

}  // namespace cooper
