// The new file has no name until it is complete (O_TMPFILE), so that nothing is left beside the destination whatever
// ends us. Where that is not possible it has a name of its own meanwhile.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <optional>

#include "base/error.h"
#include "builder/export.h"

namespace cooper::builder {
namespace {

// The mode open(2) would have given; mkostemp makes 0600.
mode_t default_file_mode() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

// A symbolic link stays, and the file it leads to is replaced: as open(2) would do, and because a link such as
// /dev/stdout belongs to the machine. The kernel follows it, as it knows links that are not to be followed (those of
// others in /tmp, proc(5) protected_symlinks). A link to nothing is replaced itself. nullopt: a file that has lost its
// name.
std::optional<std::filesystem::path> behind_links(const std::filesystem::path& path) {
  std::error_code failure;
  if (!std::filesystem::is_symlink(path, failure)) return path;
  const UniqueFd target(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!target && errno == ENOENT) return path;
  if (!target) throw_errno("following", path.string());
  struct stat status {};
  const auto name = std::filesystem::read_symlink(cat("/proc/self/fd/", target.get()), failure);
  const bool has_name = !failure && ::fstat(target.get(), &status) == 0 && status.st_nlink > 0;
  return has_name ? std::optional(name) : std::nullopt;
}

// Beside the file, and short whatever that is called: its name may be as long as names can be.
std::string fresh_name(const std::filesystem::path& path) {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) throw_errno("reading", "random bytes");
  return cat(folder_of(path), "/.cooper-", std::hex, number);
}

}  // namespace

std::string folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path().string() : ".";
}

AtomicFile::AtomicFile(const std::filesystem::path& path, Meanwhile meanwhile) : path_(path) {
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (!exists && errno != ENOENT && errno != ENOTDIR) throw_errno("opening", path.string());
  if (exists && S_ISDIR(status.st_mode)) {
    throw Error(Errc::invalid, cat("destination file is a directory: ", path.string()));  // OUT-03
  }
  const bool special = exists && !S_ISREG(status.st_mode);
  const auto real = special ? std::nullopt : behind_links(path);
  if (!real) {
    in_place_ = true;  // a device or a pipe is written to, never replaced by a file
    fd_ = UniqueFd(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
    if (!fd_) throw_errno("opening", path.string());
    return;
  }
  path_ = *real;
  const std::string folder = folder_of(path_);
  fd_ = UniqueFd(::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666));
  const bool nameless = fd_ && ::access(cat("/proc/self/fd/", fd_.get()).c_str(), F_OK) == 0;
  if (!nameless) {
    if (meanwhile == Meanwhile::nameless) throw Error(Errc::unsupported, cat(path.string(), " would have a name"));
    temporary_ = folder + "/.cooper-XXXXXX";
    fd_ = UniqueFd(::mkostemp(temporary_.data(), O_CLOEXEC));
    if (!fd_) throw SysError::making(errno, path.string());
  }
  if (!take_mode() && !nameless) static_cast<void>(::fchmod(fd_.get(), default_file_mode()));
}

// Who may read the file that is there may read the new one, nobody else. False: there is none.
bool AtomicFile::take_mode() const {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) return false;
  static_cast<void>(::fchmod(fd_.get(), status.st_mode & 0777));
  return true;
}

AtomicFile::~AtomicFile() {
  if (fd_ && !temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(Bytes bytes) { FdSink(fd_.get(), path_.string()).write(bytes); }

void AtomicFile::publish() {
  if (!in_place_) {
    take_mode();  // again: it may have changed
    if (temporary_.empty()) {
      const std::string name = fresh_name(path_);
      const std::string open_file = cat("/proc/self/fd/", fd_.get());
      if (::linkat(AT_FDCWD, open_file.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0) {
        throw_errno("writing", path_.string());
      }
      temporary_ = name;
    }
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw_errno("writing", path_.string());
  }
  fd_.reset();
}

}  // namespace cooper::builder
