#include <fcntl.h>
#include <linux/magic.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>

#include "base/error.h"
#include "layers/host_walk.h"
#include "layers/xattr.h"

namespace cooper::layers {
namespace {

// Magic numbers that linux/magic.h lacks.
constexpr std::uint32_t kZfsMagic = 0x2fc12fc1;
constexpr std::uint32_t kBcachefsMagic = 0xca451a4e;

constexpr std::array<std::uint32_t, 10> kLocalFileSystems = {
    EXT4_SUPER_MAGIC,  // ext2 and ext3 too
    XFS_SUPER_MAGIC,  BTRFS_SUPER_MAGIC,    TMPFS_MAGIC, RAMFS_MAGIC,    OVERLAYFS_SUPER_MAGIC,
    F2FS_SUPER_MAGIC, REISERFS_SUPER_MAGIC, kZfsMagic,   kBcachefsMagic,
};

constexpr off_t kSmallFileBytes = 256L * 1024;

UniqueFd open_to_read(int directory, const char* name) {
  return UniqueFd(
      ::openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

bool vanished(int errnum) noexcept {
  return errnum == ENOENT || errnum == ENOTDIR;
}

std::optional<EntryType> entry_type(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return EntryType::file;
    case S_IFDIR:
      return EntryType::directory;
    case S_IFLNK:
      return EntryType::symlink;
    case S_IFCHR:
      return EntryType::char_device;
    case S_IFBLK:
      return EntryType::block_device;
    case S_IFIFO:
      return EntryType::fifo;
    default:
      return std::nullopt;
  }
}

}  // namespace

bool is_local_file_system(int fd) {
  struct statfs status {};
  if (::fstatfs(fd, &status) != 0) return false;
  const auto magic = static_cast<std::uint32_t>(status.f_type);
  return std::find(kLocalFileSystems.begin(), kLocalFileSystems.end(), magic) !=
         kLocalFileSystems.end();
}

std::optional<std::string> read_capability(int fd, const std::string& what) {
  std::array<char, 64> value;  // capabilities(7): 24 bytes at most
  const ssize_t size = ::fgetxattr(fd, kCapability.data(), value.data(), value.size());
  if (size >= 0) return capability_v2({value.data(), static_cast<std::size_t>(size)});
  // EOVERFLOW: a capability of another user namespace, which means nothing to us.
  if (errno == ENODATA || errno == ENOTSUP || errno == EOVERFLOW) return std::nullopt;
  throw_errno("reading the capabilities of", what);
}

std::optional<Entry> HostReader::read(int directory, const char* name, TreePath path,
                                      const struct stat& status, UniqueFd opened) {
  const auto type = entry_type(status.st_mode);
  if (!type) return std::nullopt;
  Entry entry;
  entry.path = std::move(path);
  entry.type = *type;
  entry.mode = status.st_mode & 07777;
  entry.mtime = {status.st_mtim.tv_sec, static_cast<std::uint32_t>(status.st_mtim.tv_nsec)};
  if (*type == EntryType::file) {
    read_file_facts(directory, name, entry, status, std::move(opened));
  } else if (*type == EntryType::directory) {
    if (keep_xattrs_) read_directory_facts(directory, name, entry);
  } else if (*type == EntryType::symlink) {
    auto target = read_target(directory, name, entry.path);
    if (!target) return std::nullopt;
    entry.link_target = *std::move(target);
  } else if (*type == EntryType::char_device || *type == EntryType::block_device) {
    entry.device_major = major(status.st_rdev);
    entry.device_minor = minor(status.st_rdev);
  }
  return entry;
}

UniqueFd HostReader::open_first(int directory, const char* name, struct stat& status) {
  UniqueFd fd = open_to_read(directory, name);
  if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return UniqueFd();
  return fd;
}

std::string HostReader::describe(const TreePath& path) const {
  return root_.label() + (top_ / path).absolute();
}

// Where attributes are kept the file is opened anyway. Else a remembered digest says that the file
// has no capability: files that have one are never remembered (HostTree::content_of), and
// giving a file one changes its ctime.
void HostReader::read_file_facts(int directory, const char* name, Entry& entry,
                                 const struct stat& status, UniqueFd fd) {
  entry.size_bytes = static_cast<std::uint64_t>(status.st_size);
  const bool remembered = remembers(directory, name, status.st_dev, fd);
  if (remembered) {
    entry.content = memory_->recall(status);
    if (entry.content && !keep_xattrs_) return;
  }
  entry.unread = contents_ == Contents::unread;
  if (entry.unread) return;
  if (!fd) fd = open_to_read(directory, name);
  if (!fd && vanished(errno)) return;  // taking its digest will say so
  if (!fd) throw_errno("opening", describe(entry.path));
  if (auto capability = read_capability(fd.get(), entry.path.str())) {
    entry.xattrs.emplace(kCapability, *std::move(capability));
  }
  if (keep_xattrs_) keep_user_xattrs(fd.get(), entry);
  if (entry.content || contents_ == Contents::leave || status.st_size > kSmallFileBytes) return;
  const auto content = content_unchanged(fd.get(), status);
  if (!content) return;
  entry.content = content->digest;
  entry.fingerprint = content->fingerprint;
  if (remembered && !entry.xattrs.contains(std::string(kCapability))) {
    memory_->remember(status, *entry.content);
  }
}

// nullopt: it is not, or not any more, the file that `status` was taken of.
std::optional<FileContent> HostReader::content_unchanged(int fd, const struct stat& status) {
  const auto room = static_cast<std::size_t>(status.st_size) + 1;  // one more than there should be
  if (buffer_.size() < room) buffer_.resize(room);
  std::size_t size = 0;
  for (;;) {
    const ssize_t got = ::read(fd, buffer_.data() + size, buffer_.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    size += static_cast<std::size_t>(got);
    if (got == 0 || size >= static_cast<std::size_t>(status.st_size)) break;
  }
  struct stat now {};
  if (size != static_cast<std::size_t>(status.st_size) || ::fstat(fd, &now) != 0)
    return std::nullopt;
  const auto same_time = [](const timespec& one, const timespec& other) {
    return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
  };
  const bool same = now.st_dev == status.st_dev && now.st_ino == status.st_ino &&
                    now.st_size == status.st_size && same_time(now.st_mtim, status.st_mtim) &&
                    same_time(now.st_ctim, status.st_ctim);
  if (!same) return std::nullopt;
  const Bytes content = Bytes(buffer_).first(size);
  Fingerprinter fingerprinter;
  fingerprinter.update(content);
  return FileContent{{oci::sha256(content)}, fingerprinter.finish()};
}

void HostReader::read_directory_facts(int directory, const char* name, Entry& entry) {
  const UniqueFd fd(::openat(directory, *name == '\0' ? "." : name,
                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd && vanished(errno)) return;  // reading it will say so
  if (!fd) throw_errno("opening", describe(entry.path));
  keep_user_xattrs(fd.get(), entry);
}

void HostReader::keep_user_xattrs(int fd, Entry& entry) const {
  entry.xattrs.merge(read_xattrs(fd, describe(entry.path), [](std::string_view name) {
    return name.starts_with("user.") && kept_on_request(name);
  }));
}

std::optional<std::string> HostReader::read_target(int directory, const char* name,
                                                   const TreePath& path) const {
  std::array<char, PATH_MAX> target;  // no link is longer, symlink(2)
  const ssize_t length = ::readlinkat(directory, name, target.data(), target.size());
  if (length >= 0) return std::string(target.data(), static_cast<std::size_t>(length));
  if (vanished(errno) || errno == EINVAL) return std::nullopt;  // EINVAL: no link any more
  throw_errno("reading link", describe(path));
}

bool HostReader::remembers(int directory, const char* name, dev_t device, const UniqueFd& opened) {
  if (memory_ == nullptr) return false;
  UniqueFd path;
  return local_.is_local(device, [&] {
    if (opened) return opened.get();
    path = UniqueFd(::openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    return path.get();
  });
}

}  // namespace cooper::layers
