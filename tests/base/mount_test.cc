#include "base/mount.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/error.h"
#include "base/temp_dir.h"
#include "tests/base/own_mounts.h"

namespace cooper {
namespace {

dev_t device_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_dev : 0;
}

bool mount_tmpfs(const std::string& path) {
  return ::mount("none", path.c_str(), "tmpfs", 0, nullptr) == 0;
}

TEST(Mount, ends_with_its_owner_even_in_use) {
  const TempDir temp = TempDir::in_host_tmp("mount-");
  const std::string target = temp.host_path();
  run_with_own_mounts([&] {
    const dev_t before = device_of(target);
    UniqueFd inside;
    {
      if (!mount_tmpfs(target)) return 10;
      Mount first(target);
      const Mount second(std::move(first));
      if (device_of(target) == before || second.target() != target) return 11;
      inside = UniqueFd(::open(target.c_str(), O_RDONLY | O_CLOEXEC));
    }
    return device_of(target) == before ? 0 : 12;
  });
}

TEST(Mount, unmount_tells_that_it_is_in_use_and_detaches_all_the_same) {
  const TempDir temp = TempDir::in_host_tmp("mount-");
  const std::string target = temp.host_path();
  run_with_own_mounts([&] {
    const dev_t before = device_of(target);
    if (!mount_tmpfs(target)) return 10;
    Mount mount(target);
    const UniqueFd inside(::open(target.c_str(), O_RDONLY | O_CLOEXEC));
    try {
      mount.unmount();
      return 11;
    } catch (const SysError& error) {
      if (error.errnum() != EBUSY) return 12;
    }
    if (device_of(target) != before) return 13;
    mount.unmount();  // empty by now: nothing to do
    return 0;
  });
}

TEST(Mount, unmount_of_nothing_mounted_is_an_error) {
  const TempDir temp = TempDir::in_host_tmp("mount-");
  Mount mount(temp.host_path());
  EXPECT_THROW(mount.unmount(), SysError);
  EXPECT_TRUE(mount.target().empty());
}

}  // namespace
}  // namespace cooper
