#include "base/mount.h"

#include <sys/mount.h>

#include <cerrno>
#include <utility>

#include "base/error.h"

namespace cooper {

Mount::~Mount() {
  if (!target_.empty()) ::umount2(target_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
}

void Mount::unmount() {
  if (target_.empty()) return;
  const std::string target = std::exchange(target_, {});
  if (::umount2(target.c_str(), UMOUNT_NOFOLLOW) == 0) return;
  const int errnum = errno;
  // Still in use: the caller hears of it, but the mount must not outlive its owner either way.
  ::umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  throw SysError(errnum, cat("unmounting ", target));
}

}  // namespace cooper
