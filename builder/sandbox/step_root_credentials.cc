#include "builder/sandbox/step_root_credentials.h"

#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "builder/sandbox/user_namespace.h"

namespace cooper::builder {
namespace {

// A change of credentials clears it for the whole process, whichever thread makes it.
int usual_dumpable() {
  static const int value = ::prctl(PR_GET_DUMPABLE);
  return value;
}

}  // namespace

FileUser step_root_user(const Identity& identity) {
  return {outside_id(identity.step_uids, 0).value_or(0),
          outside_id(identity.step_gids, 0).value_or(0)};
}

bool act_as(const FileUser& user) noexcept {
  ::setfsgid(user.gid);
  ::setfsuid(user.uid);
  // An impossible id changes nothing and returns what is in force: the calls report no errors.
  if (::setfsgid(static_cast<gid_t>(-1)) != static_cast<int>(user.gid)) return false;
  if (::setfsuid(static_cast<uid_t>(-1)) != static_cast<int>(user.uid)) return false;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  for (auto& word : data) word.effective = word.permitted;
  return ::syscall(SYS_capset, &header, data) == 0;
}

StepRootCredentials::StepRootCredentials(const Identity& identity) {
  const FileUser user = step_root_user(identity);
  if (user.uid == 0 && user.gid == 0) return;
  usual_dumpable();  // ask before it changes
  changed_ = true;
  if (!act_as(user)) {
    act_as({0, 0});
    throw_errno("taking on", "the step's ids");
  }
}

StepRootCredentials::~StepRootCredentials() {
  if (!changed_) return;
  act_as({0, 0});
  ::prctl(PR_SET_DUMPABLE, usual_dumpable());
}

}  // namespace cooper::builder
