// What lies in the parent part of a path: links, "..", loops. Everything is done with openat2 and
// again without, and must come out the same.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cerrno>

#include "tests/base/dir_fixture.h"

namespace cooper {
namespace {

namespace fs = std::filesystem;

class DirLinks : public DirFixture {
 protected:
  DirLinks() {
    fs::create_directories(host("usr/bin/deep"));
    fs::create_directories(host("etc"));
    write(host("usr/bin/tool"), "tool");
    write(host("etc/secret"), "inner");
    link("usr/bin", "bin");                         // relative
    link("/usr/bin", "abs");                        // absolute: from the tree's root
    link("/usr/bin", "usr/abs");                    // absolute, and not at the root itself
    link("../../../../../../../../etc", "usr/up");  // ".." stops at the root
    link("deep/../../bin", "usr/bin/round");        // ".." after a directory
    link("../..", "usr/bin/two-up");
    link("/", "slash");
    link(outside(), "out-abs");  // the host's path, read from the tree's root
    link("../outside", "out-rel");
    link("usr/bin/tool", "file");
    link("usr/bin/tool/", "file-slash");
    link("usr/bin/", "dir-slash");
    link("nowhere", "dangling");
    link("loop-b", "loop-a");
    link("loop-a", "loop-b");
    link("self/x", "self");
  }
  void link(const std::string& target, const std::string& path) const {
    fs::create_symlink(target, host(path));
  }
};
INSTANTIATE_TEST_SUITE_P(Dir, DirLinks, ::testing::Bool(), name_of);

TEST_P(DirLinks, links_in_the_parent_are_followed_inside_the_image) {
  const Dir dir = image();
  for (const auto path :
       {"bin/tool", "abs/tool", "usr/abs/tool", "usr/bin/round/tool", "slash/usr/bin/tool",
        "slash/slash/bin/round/tool", "dir-slash/tool", "usr/bin/two-up/bin/tool"}) {
    EXPECT_EQ(read(dir, path), "tool") << path;
    EXPECT_TRUE(dir.try_stat(at(path))) << path;
    EXPECT_EQ(dir.resolve(at(path)), at("usr/bin/tool")) << path;
  }
}

TEST_P(DirLinks, nothing_leads_outside) {
  const Dir dir = image();
  EXPECT_EQ(read(dir, "usr/up/secret"), "inner");
  for (const auto path : {"out-abs/secret", "out-rel/secret"}) {
    EXPECT_FALSE(dir.try_stat(at(path))) << path;
    EXPECT_FALSE(dir.try_open_file(at(path), O_RDONLY)) << path;
    EXPECT_FALSE(dir.resolve(at(path))) << path;
    EXPECT_EQ(errnum_of([&] { dir.open_parent(at(path)); }), ENOENT) << path;
    EXPECT_EQ(errnum_of([&] { dir.unlink(at(path)); }), ENOENT) << path;
    EXPECT_EQ(errnum_of([&] { dir.set_mode(at(path), 0); }), ENOENT) << path;
    EXPECT_EQ(errnum_of([&] { dir.make_symlink("x", at(path)); }), ENOENT) << path;
    dir.remove_all(at(path));
  }
  // With such a directory inside the tree, that is what is meant.
  dir.make_dirs(at(outside()), 0755);
  static_cast<void>(dir.open_file(at("out-abs/secret"), O_WRONLY | O_CREAT, 0644));
  EXPECT_EQ(fs::file_size(root() + outside() + "/secret"), 0U);
  EXPECT_EQ(fs::file_size(outside() + "/secret"), 6U);
}

TEST_P(DirLinks, loops_end) {
  const Dir dir = image();
  for (const auto path : {"loop-a/x", "self/y", "loop-b/x/y"}) {
    EXPECT_EQ(errnum_of([&] { dir.try_stat(at(path)); }), ELOOP) << path;
    EXPECT_EQ(errnum_of([&] { dir.resolve(at(path)); }), ELOOP) << path;
  }
  EXPECT_EQ(errnum_of([&] { dir.resolve(at("loop-a")); }), ELOOP);
  EXPECT_TRUE(dir.try_stat(at("loop-a")));
}

TEST_P(DirLinks, forty_links_are_followed_and_no_more) {
  const Dir dir = image();
  link("usr", "hop-1");
  for (int i = 2; i <= 41; ++i) link(cat("hop-", i - 1), cat("hop-", i));
  EXPECT_TRUE(dir.try_stat(at("hop-40/bin")));
  EXPECT_EQ(errnum_of([&] { dir.try_stat(at("hop-41/bin")); }), ELOOP);
}

TEST_P(DirLinks, the_last_component_is_followed_by_resolve_only) {
  const Dir dir = image();
  EXPECT_TRUE(S_ISLNK(dir.stat(at("bin")).st_mode));
  EXPECT_EQ(errnum_of([&] { dir.subdir(at("bin")); }), ENOTDIR);
  EXPECT_EQ(errnum_of([&] { dir.list(at("slash/bin")); }), ENOTDIR);
  const struct {
    const char* path;
    std::optional<std::string> found;
  } rows[] = {
      {"bin", "usr/bin"},
      {"abs", "usr/bin"},
      {"usr/up", "etc"},
      {"slash", ""},
      {"file", "usr/bin/tool"},
      {"dir-slash", "usr/bin"},
      {"", ""},
      {"etc/secret", "etc/secret"},
      {"usr/bin/two-up", ""},
      {"dangling", std::nullopt},
      {"file-slash", std::nullopt},
      {"file/x", std::nullopt},
      {"none", std::nullopt},
  };
  for (const auto& row : rows) {
    const auto resolved = dir.resolve(at(row.path));
    ASSERT_EQ(resolved.has_value(), row.found.has_value()) << row.path;
    if (resolved) {
      EXPECT_EQ(resolved->str(), *row.found) << row.path;
    }
  }
}

TEST_P(DirLinks, a_subdirectory_is_a_root_of_its_own) {
  const Dir usr = image().subdir(at("usr"));
  EXPECT_EQ(read(usr, "bin/tool"), "tool");
  EXPECT_EQ(usr.resolve(at("up")), std::nullopt);        // "/etc" beneath usr: none
  EXPECT_EQ(usr.resolve(at("bin/two-up")), TreePath());  // and not the outer root
  EXPECT_EQ(image().subdir(at("bin/deep")).duplicate().subdir(TreePath()).list(TreePath()).size(),
            0U);
}

TEST_P(DirLinks, strict_follows_nothing) {
  const Dir dir = strict();
  EXPECT_EQ(read(dir, "usr/bin/tool"), "tool");
  EXPECT_TRUE(S_ISLNK(dir.stat(at("usr/bin/round")).st_mode));
  for (const auto path : {"bin/tool", "abs/tool", "slash/etc/secret", "out-abs/secret",
                          "usr/up/secret", "loop-a/x"}) {
    EXPECT_EQ(errnum_of([&] { dir.try_stat(at(path)); }), ELOOP) << path;
    EXPECT_EQ(errnum_of([&] { dir.try_open_file(at(path), O_RDONLY); }), ELOOP) << path;
    EXPECT_EQ(errnum_of([&] { dir.resolve(at(path)); }), ELOOP) << path;
    EXPECT_EQ(errnum_of([&] { dir.open_parent(at(path)); }), ELOOP) << path;
    EXPECT_EQ(errnum_of([&] { dir.remove_all(at(path)); }), ELOOP) << path;
  }
  EXPECT_EQ(errnum_of([&] { dir.resolve(at("bin")); }), ELOOP);
  EXPECT_EQ(dir.resolve(at("usr/bin/tool")), at("usr/bin/tool"));
  EXPECT_FALSE(dir.try_stat(at("usr/bin/tool/x")));
}

TEST_P(DirLinks, paths_longer_than_the_kernel_takes) {
  const Dir dir = image();
  const std::string name(200, 'd');
  TreePath deep;
  Dir below = dir.duplicate();
  for (int level = 0; level < 30; ++level) {
    below.make_dir(at(name), 0755);
    below = below.subdir(at(name));
    deep = deep.child(name);
  }
  static_cast<void>(below.open_file(at("file"), O_WRONLY | O_CREAT, 0644));
  ASSERT_GT(deep.str().size(), 4096U);
  EXPECT_TRUE(dir.try_stat(deep.child("file")));
  EXPECT_TRUE(dir.open_file(deep.child("file"), O_RDONLY));
  EXPECT_FALSE(dir.try_stat(deep.child("none")));
}

TEST(SetOpenat2Allowed, returns_what_was_set) {
  const bool before = set_openat2_allowed(false);
  EXPECT_FALSE(set_openat2_allowed(before));
}

}  // namespace
}  // namespace cooper
