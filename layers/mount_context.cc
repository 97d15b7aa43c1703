#include "layers/mount_context.h"

#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "base/error.h"

namespace cooper::layers {

MountContext MountContext::open(const char* type) noexcept {
  return MountContext(UniqueFd(::fsopen(type, FSOPEN_CLOEXEC)));
}

void MountContext::set(const char* key, const std::string& value) const {
  if (::fsconfig(fd_.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) != 0) {
    fail(cat(key, "=", value));
  }
}

void MountContext::set_flag(const char* key) const {
  if (::fsconfig(fd_.get(), FSCONFIG_SET_FLAG, key, nullptr, 0) != 0) fail(key);
}

bool MountContext::try_set(const char* key, const std::string& value,
                           const std::string& described) const {
  if (::fsconfig(fd_.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) == 0) return true;
  if (errno == EINVAL) return false;
  fail(described);
}

UniqueFd MountContext::mount(const std::string& described) const {
  if (::fsconfig(fd_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) fail(described);
  UniqueFd mounted(::fsmount(fd_.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV));
  if (!mounted) fail(described);
  return mounted;
}

// One line for each read, oldest first.
std::string MountContext::log() const {
  std::string log;
  char line[512];
  for (;;) {
    const ssize_t length = ::read(fd_.get(), line, sizeof line);
    if (length <= 0) return log.empty() ? log : log + ")";
    std::string_view text(line, static_cast<std::size_t>(length));
    if (text.starts_with("e ") || text.starts_with("w ")) text.remove_prefix(2);
    while (text.ends_with('\n')) text.remove_suffix(1);
    log.append(log.empty() ? " (" : "; ").append(text);
  }
}

void MountContext::fail(const std::string& what) const {
  const int errnum = errno;
  throw SysError(errnum, cat("mounting a file system: ", what, log()));
}

}  // namespace cooper::layers
