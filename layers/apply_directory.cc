#include "layers/apply_directory.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "base/error.h"
#include "layers/xattr.h"

namespace cooper::layers {
namespace {

constexpr mode_t kPrivateMode = 0600;
constexpr mode_t kPrivateDirMode = 0700;
constexpr std::uint32_t kSetUid = 04000;
constexpr std::uint32_t kSetGid = 02000;

// The kernel's answers to an id outside our map, or to one that is not ours to give.
bool is_unrepresentable(int errnum) {
  return errnum == EINVAL || errnum == EPERM || errnum == EOVERFLOW;
}

// Answers to an attribute that this file system or this user cannot have: then only the table has
// it. ENOSPC: ext4 gives it for values that do not fit beside the inode.
bool is_xattr_refusal(int errnum) {
  return errnum == ENOTSUP || errnum == EPERM || errnum == EACCES || errnum == EINVAL ||
         errnum == E2BIG || errnum == ERANGE || errnum == ENOSPC;
}

timespec to_timespec(const Timestamp& time) {
  timespec spec{};
  spec.tv_sec = time.seconds;
  spec.tv_nsec = static_cast<long>(time.nanoseconds);
  return spec;
}

// All of an open file into an empty one by the kernel. False: nothing was copied, or it has another
// size.
bool clone_file(int from, int into, std::uint64_t size_bytes) {
  struct stat status {};
  if (from < 0 || ::fstat(from, &status) != 0 || !S_ISREG(status.st_mode)) return false;
  if (static_cast<std::uint64_t>(status.st_size) != size_bytes) return false;
  return ::ioctl(into, FICLONE, from) == 0;
}

const char* last_name(const TreePath& path) {
  return path.name().data();
}  // ends where the path ends

bool set_xattr(int fd, const std::string& name, const std::string& value) {
  return ::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) == 0;
}

// What an owner outside the id map is shown as: an id that no step gives a file by itself, so that
// one which does (chown 0:0, most often) is seen to. With a single id it is that one.
std::uint32_t highest_id(std::optional<std::uint32_t>& known, const char* map_file) {
  if (known) return *known;
  std::ifstream map(map_file);
  std::uint64_t highest = 0;
  for (std::uint64_t inside = 0, outside = 0, count = 0; map >> inside >> outside >> count;) {
    highest = std::max(highest, inside + count - 1);
  }
  return known.emplace(static_cast<std::uint32_t>(highest));
}

// An empty file whose name is all it says.
bool make_mark(int dir_fd, const std::string& name) {
  return static_cast<bool>(UniqueFd(
      ::openat(dir_fd, name.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kPrivateMode)));
}

bool mark_opaque(int dir_fd, Hiding hiding) {
  switch (hiding) {
    case Hiding::marked:
      return set_xattr(dir_fd, std::string(kOpaqueXattr), "y");
    case Hiding::named:
      return make_mark(dir_fd, std::string(kOpaqueName));
    case Hiding::left_out:
      break;
  }
  return true;
}

}  // namespace

ApplyDirectory::ApplyDirectory(const Dir& into, const StandInSeal& seal, Hiding hiding)
    : dir_(UniqueFd(::openat(into.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), Confine::strict,
           into.label()),
      seal_(seal),
      hiding_(hiding),
      buffer_(kCopyBufferBytes) {
  if (dir_.fd() < 0) throw_errno("opening", into.label());
  struct stat root {};
  if (::fstat(dir_.fd(), &root) != 0) throw_errno("looking at", into.label());
  ids_are_ours_ = (root.st_mode & kSetGid) == 0;
}

std::string ApplyDirectory::display(const TreePath& path) const {
  return dir_.label() + path.absolute();
}

int ApplyDirectory::parent_of(const TreePath& path) {
  // Members of one directory mostly follow each other.
  const std::string_view text = path.str();
  const std::size_t slash = text.rfind('/');
  const std::string_view parent = text.substr(0, slash == std::string_view::npos ? 0 : slash);
  if (parent_open_ && parent_.str() == parent) return parent_fd_.get();
  parent_open_ = false;
  parent_fd_ = dir_.open_parent(path);
  parent_ = path.parent();
  parent_open_ = true;
  return parent_fd_.get();
}

void ApplyDirectory::make_directory(const TreePath& path) {
  if (path.is_root()) return;
  if (::mkdirat(parent_of(path), last_name(path), kPrivateDirMode) != 0) {
    throw_errno("creating directory", display(path));
  }
}

void ApplyDirectory::remove(const TreePath& path) {
  if (parent_open_ && path.contains(parent_)) parent_open_ = false;
  dir_.remove_all(path);
}

std::optional<oci::ContentDigest> ApplyDirectory::make(const Entry& entry, ByteSource* content) {
  switch (entry.type) {
    case EntryType::file:
      return make_file(entry, *content);
    case EntryType::symlink:
      make_symlink(entry);
      break;
    case EntryType::char_device:
    case EntryType::block_device:
      make_stand_in(entry);
      break;
    case EntryType::fifo:
      make_fifo(entry);
      break;
    case EntryType::whiteout:
      make_whiteout(entry);
      break;
    case EntryType::directory:
    case EntryType::hard_link:
      throw Error(Errc::invalid, cat(display(entry.path), ": not an entry to make on its own"));
  }
  return std::nullopt;
}

UniqueFd ApplyDirectory::create(const TreePath& path) {
  UniqueFd fd(::openat(parent_of(path), last_name(path),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kPrivateMode));
  if (!fd) throw_errno("creating", display(path));
  return fd;
}

oci::ContentDigest ApplyDirectory::make_file(const Entry& entry, ByteSource& content) {
  const UniqueFd fd = create(entry.path);
  oci::Sha256 hasher;
  write_content(fd.get(), entry, content, &hasher);
  const oci::ContentDigest digest{hasher.finish()};
  set_metadata(fd.get(), entry, {}, digest);
  return digest;
}

void ApplyDirectory::make_copy(const Entry& entry, ByteSource& content) {
  const UniqueFd fd = create(entry.path);
  if (!clone_file(content.descriptor(), fd.get(), entry.size_bytes)) {
    write_content(fd.get(), entry, content, nullptr);
  }
  set_metadata(fd.get(), entry, {}, entry.content);
}

void ApplyDirectory::write_content(int fd, const Entry& entry, ByteSource& content,
                                   oci::Sha256* hasher) {
  std::uint64_t left = entry.size_bytes;
  while (left > 0) {
    const std::size_t want =
        left < buffer_.size() ? static_cast<std::size_t>(left) : buffer_.size();
    const std::size_t got = content.read(std::span(buffer_).first(want));
    if (got == 0)
      throw Error(Errc::corrupt, cat(display(entry.path), ": its content ends too early"));
    const Bytes bytes = Bytes(buffer_).first(got);
    if (hasher != nullptr) hasher->update(bytes);
    for (std::size_t done = 0; done < got;) {
      const ssize_t wrote = ::write(fd, bytes.data() + done, got - done);
      if (wrote < 0 && errno != EINTR) throw_errno("writing", display(entry.path));
      if (wrote > 0) done += static_cast<std::size_t>(wrote);
    }
    left -= got;
  }
}

// A device node is never made: mknod is refused in every user namespace, and a real one would open
// the machine's device.
void ApplyDirectory::make_stand_in(const Entry& entry) {
  const UniqueFd fd = create(entry.path);
  StandIn stand_in;
  stand_in.device = {entry.type, entry.device_major, entry.device_minor};
  set_metadata(fd.get(), entry, stand_in);
}

void ApplyDirectory::make_symlink(const Entry& entry) {
  const int parent = parent_of(entry.path);
  const char* name = last_name(entry.path);
  if (::symlinkat(entry.link_target.c_str(), parent, name) != 0) {
    throw_errno("creating symlink", display(entry.path));
  }
  set_owner_of_name(parent, name, entry);
  set_times(parent, name, entry);
}

void ApplyDirectory::make_fifo(const Entry& entry) {
  const int parent = parent_of(entry.path);
  const char* name = last_name(entry.path);
  if (::mkfifoat(parent, name, kPrivateMode) != 0)
    throw_errno("creating fifo", display(entry.path));
  set_owner_of_name(parent, name, entry);
  // Not followed: in a copy that a step has had, somebody may have kept a way in.
  if (::fchmodat(parent, name, entry.mode & 07777, AT_SYMLINK_NOFOLLOW) != 0) {
    throw_errno("setting the mode of", display(entry.path));
  }
  set_times(parent, name, entry);
}

// overlayfs.rst, "whiteouts and opaque directories". Unprivileged since Linux 5.8.
void ApplyDirectory::make_whiteout(const Entry& entry) {
  if (hiding_ == Hiding::left_out) return;
  const int parent = parent_of(entry.path);
  const bool made = hiding_ == Hiding::named
                        ? make_mark(parent, cat(kWhiteoutPrefix, entry.path.name()))
                        : ::mknodat(parent, last_name(entry.path), S_IFCHR, makedev(0, 0)) == 0;
  if (!made) throw_errno("creating a whiteout at", display(entry.path));
}

void ApplyDirectory::make_link(const Entry& first, const TreePath& path) {
  if (hiding_ == Hiding::named) return make_another(first, path);
  const UniqueFd parent = dir_.open_parent(first.path);
  if (::linkat(parent.get(), last_name(first.path), parent_of(path), last_name(path), 0) != 0) {
    throw_errno("creating hard link", display(path));
  }
}

void ApplyDirectory::make_another(const Entry& first, const TreePath& path) {
  Entry another = first;
  another.path = path;
  if (first.type != EntryType::file) {
    make(another, nullptr);
    return;
  }
  FdSource content(dir_.open_file(first.path, O_RDONLY), display(first.path));
  make_copy(another, content);
}

// -- metadata -------------------------------------------------------------------------------------

void ApplyDirectory::set_metadata(int fd, const Entry& entry, StandIn stand_in,
                                  const std::optional<oci::ContentDigest>& digest) {
  if (digest) stand_in.content = digest->value;
  set_owner(fd, entry, stand_in);
  // A set-id bit must not work for us instead of the owner. For an id that is nobody's it may stay:
  // then a step that takes it away is seen to. Not that of a directory, which hands its group down.
  std::uint32_t mode = entry.mode & 07777;
  if (stand_in.uid && stand_in.uid->seen == ::geteuid()) mode &= ~kSetUid;
  if (stand_in.gid && (entry.type == EntryType::directory || stand_in.gid->seen == ::getegid())) {
    mode &= ~kSetGid;
  }
  if (mode != (entry.mode & 07777)) stand_in.mode = {entry.mode & 07777, mode};
  // After chown, which clears the capability; before chmod, which may take our own right to write
  // it.
  set_xattrs(fd, entry, stand_in);
  if (::fchmod(fd, mode) != 0) throw_errno("setting the mode of", display(entry.path));
  const timespec times[2] = {to_timespec(entry.mtime), to_timespec(entry.mtime)};
  if (::futimens(fd, times) != 0) throw_errno("setting the times of", display(entry.path));
}

void ApplyDirectory::set_owner(int fd, const Entry& entry, StandIn& stand_in) {
  const bool is_directory = entry.type == EntryType::directory;
  if (ids_are_ours_ && !is_directory && entry.uid == ::geteuid() && entry.gid == ::getegid())
    return;
  if (::fchown(fd, entry.uid, entry.gid) == 0) return;
  if (!is_unrepresentable(errno)) throw_errno("setting the owner of", display(entry.path));
  // One of the two may still be possible.
  constexpr auto kKeep = static_cast<uid_t>(-1);
  const auto set = [&](uid_t uid, gid_t gid) {
    if (::fchown(fd, uid, gid) == 0) return true;
    if (!is_unrepresentable(errno)) throw_errno("setting the owner of", display(entry.path));
    return false;
  };
  if (!set(entry.uid, kKeep)) set(highest_id(highest_uid_, "/proc/self/uid_map"), kKeep);
  if (!set(kKeep, entry.gid)) set(kKeep, highest_id(highest_gid_, "/proc/self/gid_map"));
  struct stat seen {};
  if (::fstat(fd, &seen) != 0) throw_errno("looking at", display(entry.path));
  if (seen.st_uid != entry.uid) stand_in.uid = {entry.uid, seen.st_uid};
  if (seen.st_gid != entry.gid) stand_in.gid = {entry.gid, seen.st_gid};
}

void ApplyDirectory::set_xattrs(int fd, const Entry& entry, StandIn& stand_in) {
  for (const auto& [name, value] : entry.xattrs) {
    if (is_private_xattr(name) || is_machine_xattr(name)) continue;
    if (set_xattr(fd, name, value)) continue;
    if (!is_xattr_refusal(errno)) throw_errno("setting an attribute of", display(entry.path));
    if (name == kCapability) stand_in.capability = value;
  }
  if (stand_in.empty()) return;
  if (!stand_in.mode && !stand_in.capability) stand_in.content.reset();
  stand_in.owner = stand_in.uid ? stand_in.uid->seen : entry.uid;
  if (!set_xattr(fd, std::string(kOverrideXattr), seal_.seal(stand_in)) && errno != ENOTSUP) {
    throw_errno("setting an attribute of", display(entry.path));
  }
}

// Symlinks and fifos hold no user xattrs: an owner outside the map is known to the table only.
void ApplyDirectory::set_owner_of_name(int dir_fd, const char* name, const Entry& entry) {
  if (ids_are_ours_ && entry.uid == ::geteuid() && entry.gid == ::getegid()) return;
  if (::fchownat(dir_fd, name, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) == 0) return;
  if (!is_unrepresentable(errno)) throw_errno("setting the owner of", display(entry.path));
}

void ApplyDirectory::set_times(int dir_fd, const char* name, const Entry& entry) {
  const timespec times[2] = {to_timespec(entry.mtime), to_timespec(entry.mtime)};
  if (::utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW) != 0) {
    throw_errno("setting the times of", display(entry.path));
  }
}

void ApplyDirectory::finish(const Table& table) {
  parent_open_ = false;
  const auto& entries = table.entries();
  // Backwards: what lies inside a directory comes before the directory itself loses our
  // permissions.
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (entry->type != EntryType::directory) continue;
    const bool is_root = entry->path.is_root();
    const UniqueFd fd(::openat(is_root ? dir_.fd() : parent_of(entry->path),
                               is_root ? "." : last_name(entry->path),
                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) throw_errno("opening", display(entry->path));
    if (entry->opaque && !is_root && !mark_opaque(fd.get(), hiding_)) {
      throw_errno("marking as opaque", display(entry->path));
    }
    set_metadata(fd.get(), *entry, {});
  }
}

}  // namespace cooper::layers
