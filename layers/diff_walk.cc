#include "layers/diff_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/error.h"
#include "layers/standin.h"

namespace cooper::layers {
namespace {

constexpr std::size_t kFirstLinkBytes = 256;

std::string read_link(int dir_fd, const std::string& name, const std::string& display) {
  std::string target(kFirstLinkBytes, '\0');
  for (;;) {
    const ssize_t got = ::readlinkat(dir_fd, name.c_str(), target.data(), target.size());
    if (got < 0) throw_errno("reading symlink", display);
    if (static_cast<std::size_t>(got) < target.size()) {
      target.resize(static_cast<std::size_t>(got));
      return target;
    }
    target.resize(target.size() * 2);
  }
}

bool is_whiteout(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
}

void take_type(UpperEntry& upper) {
  Entry& entry = upper.entry;
  switch (upper.status.st_mode & S_IFMT) {
    case S_IFREG:
      entry.type = EntryType::file;
      entry.size_bytes = static_cast<std::uint64_t>(upper.status.st_size);
      break;
    case S_IFDIR:
      entry.type = EntryType::directory;
      break;
    case S_IFLNK:
      entry.type = EntryType::symlink;
      break;
    case S_IFIFO:
      entry.type = EntryType::fifo;
      break;
    case S_IFCHR:
      entry.type = is_whiteout(upper.status) ? EntryType::whiteout : EntryType::char_device;
      break;
    case S_IFBLK:
      entry.type = EntryType::block_device;
      break;
    default:
      upper.skipped = true;
  }
  if (entry.type == EntryType::char_device || entry.type == EntryType::block_device) {
    entry.device_major = major(upper.status.st_rdev);
    entry.device_minor = minor(upper.status.st_rdev);
  }
}

void take_status(UpperEntry& upper) {
  take_type(upper);
  Entry& entry = upper.entry;
  if (entry.type == EntryType::whiteout) return;
  entry.mode = upper.status.st_mode & 07777;
  entry.uid = upper.status.st_uid;
  entry.gid = upper.status.st_gid;
  entry.mtime.seconds = upper.status.st_mtim.tv_sec;
  entry.mtime.nanoseconds = static_cast<std::uint32_t>(upper.status.st_mtim.tv_nsec);
}

// Of an open file, from its beginning to its end; the descriptor stays where it is.
oci::Digest content_digest(int fd, const std::string& display) {
  std::vector<std::byte> buffer(kCopyBufferBytes);
  oci::Sha256 hasher;
  for (off_t at = 0;;) {
    const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno("reading", display);
    if (got == 0) return hasher.finish();
    hasher.update(Bytes(buffer).first(static_cast<std::size_t>(got)));
    at += got;
  }
}

bool holds_opaque_name(int dir_fd) {
  struct stat status {};
  return ::fstatat(dir_fd, kOpaqueName.data(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

// Names that are marks become what they hide; one that is there again is not hidden.
void read_named_marks(std::vector<DirEntry>& items) {
  std::set<std::string, std::less<>> hidden;
  std::erase_if(items, [&](const DirEntry& item) {
    const std::string_view name = item.name;
    if (!name.starts_with(kWhiteoutPrefix)) return false;
    if (name != kOpaqueName) hidden.emplace(name.substr(kWhiteoutPrefix.size()));
    return true;
  });
  for (const DirEntry& item : items) hidden.erase(item.name);
  for (const std::string& name : hidden) items.push_back({name, DT_WHT});
}

// Attributes of an open file or directory, and what two of them mean.
void take_xattrs(UpperEntry& upper, const UpperReading& reading, const std::string& display) {
  Entry& entry = upper.entry;
  entry.xattrs = read_xattrs(upper.fd.get(), display);
  if (entry.xattrs.empty()) return;
  const auto opaque = entry.xattrs.find(std::string(kOpaqueXattr));
  entry.opaque = entry.opaque || (entry.type == EntryType::directory &&
                                  opaque != entry.xattrs.end() && opaque->second == "y");
  const auto override_text = entry.xattrs.find(std::string(kOverrideXattr));
  if (override_text != entry.xattrs.end()) {
    const auto stand_in = reading.seal.open(override_text->second);
    if (stand_in && stand_in->speaks_of(entry, reading.below.find(entry.path))) {
      stand_in->apply(entry, [&] { return content_digest(upper.fd.get(), display); });
    }
  }
  entry.xattrs.erase_if([](const auto& xattr) { return is_private_xattr(xattr.first); });
}

}  // namespace

oci::Digest UpperEntry::digest(const std::string& label) const {
  return content_digest(fd.get(), label + entry.path.absolute());
}

std::vector<DirEntry> UpperDirectory::list() const {
  // A second descriptor, because fdopendir takes it over.
  UniqueFd own(::openat(fd_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own) throw_errno("opening", reading_.label + path_.absolute());
  const auto close = [](DIR* stream) { ::closedir(stream); };
  const std::unique_ptr<DIR, decltype(close)> stream(::fdopendir(own.get()), close);
  if (!stream) throw_errno("reading", reading_.label + path_.absolute());
  static_cast<void>(own.release());
  std::vector<DirEntry> items;
  for (;;) {
    errno = 0;
    const dirent* item = ::readdir(stream.get());
    if (item == nullptr) break;
    const std::string_view name = item->d_name;
    if (name != "." && name != "..") items.push_back({std::string(name), item->d_type});
  }
  if (errno != 0) throw_errno("reading", reading_.label + path_.absolute());
  if (reading_.named_marks) read_named_marks(items);
  std::sort(items.begin(), items.end(),
            [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
  return items;
}

UpperEntry UpperDirectory::read(const DirEntry& item) const {
  UpperEntry upper;
  upper.entry.path = path_.child(item.name);
  if (item.type == DT_WHT) {
    upper.entry.type = EntryType::whiteout;
    return upper;
  }
  const auto display = [&] { return reading_.label + upper.entry.path.absolute(); };
  // Files and directories are opened at once: content and attributes are wanted anyway.
  const bool openable = item.type == DT_REG || item.type == DT_DIR;
  if (openable) {
    upper.fd =
        UniqueFd(::openat(fd_, item.name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!upper.fd) throw_errno("opening", display());
  }
  const int failed = openable
                         ? ::fstat(upper.fd.get(), &upper.status)
                         : ::fstatat(fd_, item.name.c_str(), &upper.status, AT_SYMLINK_NOFOLLOW);
  if (failed != 0) throw_errno("looking at", display());
  take_status(upper);
  if (reading_.named_marks && upper.entry.type == EntryType::directory) {
    upper.entry.opaque = holds_opaque_name(upper.fd.get());
  }
  if (openable) take_xattrs(upper, reading_, display());
  if (upper.entry.type == EntryType::symlink) {
    upper.entry.link_target = read_link(fd_, item.name, display());
  }
  return upper;
}

UpperEntry read_upper_root(const Dir& upper_dir, const UpperReading& reading) {
  UpperEntry upper;
  upper.fd = UniqueFd(::openat(upper_dir.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!upper.fd) throw_errno("opening", upper_dir.label());
  if (::fstat(upper.fd.get(), &upper.status) != 0) throw_errno("looking at", upper_dir.label());
  take_status(upper);
  take_xattrs(upper, reading, upper_dir.label());
  return upper;
}

}  // namespace cooper::layers
