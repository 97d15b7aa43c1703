// Runs a test's body where it may mount without anybody else seeing it.
#pragma once

#include <cstdio>
#include <exception>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <string>

namespace cooper {

// 0, or which step was refused. Root needs no user namespace; a plain user keeps its own id in it.
inline int enter_own_mounts() {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  if (::unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0) return 1;
  if (uid != 0) {
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/uid_map") << uid << ' ' << uid << " 1";
    std::ofstream("/proc/self/gid_map") << gid << ' ' << gid << " 1";
  }
  return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 ? 0 : 2;
}

// body runs in a child process and returns 0, or a number that tells where it failed. Where the
// machine refuses the namespaces the test is reported as skipped.
inline void run_with_own_mounts(const std::function<int()>& body) {
  constexpr int kRefused = 77;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    int code = 99;
    try {
      code = enter_own_mounts() != 0 ? kRefused : body();
    } catch (const std::exception& error) {
      static_cast<void>(std::fprintf(stderr, "%s\n", error.what()));
      code = 98;
    }
    ::_exit(code);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kRefused) {
    GTEST_SKIP() << "this machine lets this user have no mount namespace";
  }
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace cooper
