#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

#include "base/mount.h"
#include "tests/base/dir_fixture.h"
#include "tests/base/own_mounts.h"

namespace cooper {
namespace {

namespace fs = std::filesystem;

class DirRemove : public DirFixture {};
INSTANTIATE_TEST_SUITE_P(Dir, DirRemove, ::testing::Bool(), name_of);

TEST_P(DirRemove, removes_every_kind_and_nothing_beside) {
  fs::create_directories(host("tree/a/b"));
  fs::create_directories(host("tree/empty"));
  write(host("tree/a/b/file"), "x");
  write(host("beside"), "x");
  image().make_node(at("tree/fifo"), S_IFIFO | 0600, 0);
  image().remove_all(at("tree"));
  EXPECT_FALSE(fs::exists(host("tree")));
  EXPECT_TRUE(fs::exists(host("beside")));
  image().remove_all(at("beside"));
  EXPECT_FALSE(fs::exists(host("beside")));
}

TEST_P(DirRemove, does_not_follow_links) {
  fs::create_directories(host("tree/sub"));
  fs::create_directory_symlink(outside(), host("tree/out"));
  fs::create_directory_symlink("../../../outside", host("tree/sub/out"));
  fs::create_directory_symlink(outside(), host("direct"));
  for (const Dir& dir : {image(), strict()}) {
    dir.remove_all(at("tree"));
    dir.remove_all(at("direct"));
  }
  EXPECT_TRUE(fs::exists(outside() + "/secret"));
  EXPECT_FALSE(fs::exists(fs::symlink_status(host("direct"))));
  EXPECT_FALSE(fs::exists(host("tree")));
}

TEST_P(DirRemove, absent_is_fine) {
  write(host("file"), "x");
  for (const auto path : {"none", "none/at/all", "file/below"}) image().remove_all(at(path));
  EXPECT_TRUE(fs::exists(host("file")));
}

TEST_P(DirRemove, the_root_is_emptied) {
  fs::create_directories(host("a/b"));
  write(host("c"), "x");
  image().remove_all(TreePath());
  EXPECT_TRUE(fs::is_empty(root()));
}

TEST_P(DirRemove, closed_directories_are_opened_first) {
  fs::create_directories(host("tree/none/sub"));
  fs::create_directories(host("tree/list-only/sub"));
  fs::create_directories(host("tree/no-write/sub"));
  write(host("tree/none/sub/x"), "x");
  write(host("tree/list-only/sub/x"), "x");
  write(host("tree/no-write/sub/x"), "x");
  for (const auto& [path, mode] : {std::pair{"tree/none/sub", 0U},
                                   {"tree/none", 0U},
                                   {"tree/list-only", 0400U},
                                   {"tree/no-write/sub", 0500U},
                                   {"tree/no-write", 0500U},
                                   {"tree", 0U}}) {
    image().set_mode(at(path), mode);
  }
  image().remove_all(at("tree"));
  EXPECT_FALSE(fs::exists(host("tree")));
}

TEST_P(DirRemove, deeper_than_descriptors_and_stack_go) {
  constexpr int kLevels = 1200;
  constexpr rlim_t kFewDescriptors = 256;
  struct RestoreLimit {
    rlimit before{};
    ~RestoreLimit() { ::setrlimit(RLIMIT_NOFILE, &before); }
  } restore;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &restore.before), 0);
  rlimit few = restore.before;
  few.rlim_cur = kFewDescriptors;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  image().make_dir(at("tree"), 0755);
  {
    Dir below = image().subdir(at("tree"));
    for (int level = 0; level < kLevels; ++level) {
      below.make_dir(at("d"), 0755);
      if (level % 100 == 0) below.make_dir(at(".removing-1"), 0755);  // names it would use itself
      if (level % 100 == 0) below.make_symlink("x", at(".removing-2"));
      below = below.subdir(at("d"));
    }
  }
  image().remove_all(at("tree"));
  EXPECT_TRUE(fs::is_empty(root()));
}

TEST_P(DirRemove, a_mount_is_neither_entered_nor_passed_over_in_silence) {
  fs::create_directories(host("tree/bound"));
  fs::create_directories(host("tree/mounted"));
  fs::create_directories(host("tree/plain"));
  const auto body = [&] {
    // The same file system: its device number tells nothing.
    if (::mount(outside().c_str(), host("tree/bound").c_str(), nullptr, MS_BIND, nullptr) != 0) {
      return 10;
    }
    const Mount bound(host("tree/bound"));
    if (::mount("none", host("tree/mounted").c_str(), "tmpfs", 0, nullptr) != 0) return 11;
    const Mount mounted(host("tree/mounted"));
    write(host("tree/mounted/file"), "x");
    if (errnum_of([&] { image().remove_all(at("tree")); }) != EBUSY) return 12;
    if (errnum_of([&] { image().remove_all(at("tree/bound")); }) != EBUSY) return 13;
    if (!fs::exists(outside() + "/secret")) return 14;
    if (!fs::exists(host("tree/mounted/file"))) return 15;
    return fs::exists(host("tree/plain")) ? 16 : 0;  // what can go has gone
  };
  run_with_own_mounts(body);
}

TEST_P(DirRemove, what_is_denied_is_named) {
  fs::create_directories(host("tree/kept"));
  write(host("tree/kept/file"), "x");
  fs::create_directories(host("tree/gone"));
  const auto body = [&] {
    if (::mount(host("tree/kept").c_str(), host("tree/kept").c_str(), nullptr, MS_BIND, nullptr)) {
      return 10;
    }
    const Mount kept(host("tree/kept"));
    try {
      image().remove_all(at("tree"));
    } catch (const SysError& error) {
      return std::string_view(error.what()).ends_with("root/tree/kept: Device or resource busy")
                 ? 0
                 : 11;
    }
    return 12;
  };
  run_with_own_mounts(body);
}

}  // namespace
}  // namespace cooper
