#include "base/dir.h"

#include <dirent.h>
#include <gmock/gmock.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "tests/base/dir_fixture.h"

namespace cooper {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DirCalls : public DirFixture {
 protected:
  DirCalls() {
    fs::create_directories(host("a/b"));
    write(host("top"), "top");
    write(host("a/mid"), "mid");
    write(host("a/b/low"), "low");
    fs::create_symlink("top", host("link"));
    fs::create_symlink("low", host("a/b/link"));
  }
  // Every call is tried at the three depths that take different roads: root, one name, several.
  const Dir dir_ = image();
};
INSTANTIATE_TEST_SUITE_P(Dir, DirCalls, ::testing::Bool(), name_of);

TEST_P(DirCalls, stat_does_not_follow_and_reaches_every_depth) {
  EXPECT_TRUE(S_ISDIR(dir_.stat(TreePath()).st_mode));
  EXPECT_EQ(dir_.stat(at("top")).st_size, 3);
  EXPECT_TRUE(S_ISDIR(dir_.stat(at("a/b")).st_mode));
  EXPECT_EQ(dir_.stat(at("a/b/low")).st_size, 3);
  EXPECT_TRUE(S_ISLNK(dir_.stat(at("link")).st_mode));
  EXPECT_TRUE(S_ISLNK(dir_.stat(at("a/b/link")).st_mode));
  EXPECT_TRUE(S_ISLNK(strict().stat(at("a/b/link")).st_mode));
}

TEST_P(DirCalls, try_stat_and_try_open_tell_absence_only) {
  for (const auto absent : {"x", "a/x", "a/x/y/z", "top/x", "a/b/low/x/y", "link/x"}) {
    EXPECT_FALSE(dir_.try_stat(at(absent))) << absent;
    EXPECT_FALSE(dir_.try_open_file(at(absent), O_RDONLY)) << absent;
  }
  EXPECT_TRUE(dir_.try_stat(TreePath()));
  EXPECT_TRUE(dir_.try_stat(at("a/mid")));
  EXPECT_TRUE(dir_.try_open_file(at("a/mid"), O_RDONLY));
  const std::string too_long(300, 'n');
  EXPECT_EQ(errnum_of([&] { dir_.try_stat(at(too_long)); }), ENAMETOOLONG);
  EXPECT_EQ(errnum_of([&] { dir_.try_stat(at("a/b/" + too_long)); }), ENAMETOOLONG);
  EXPECT_EQ(errnum_of([&] { dir_.try_open_file(at("a/b/link"), O_RDONLY); }), ELOOP);
}

TEST_P(DirCalls, errors_name_label_and_path) {
  const Dir named(UniqueFd(::open(root().c_str(), O_PATH | O_CLOEXEC)), Confine::image, "layer 3");
  try {
    static_cast<void>(named.stat(at("a/none")));
    FAIL() << "found what is not there";
  } catch (const SysError& error) {
    EXPECT_EQ(error.code(), Errc::not_found);
    EXPECT_STREQ(error.what(), "looking at layer 3/a/none: No such file or directory");
  }
  EXPECT_EQ(named.label(), "layer 3");
  EXPECT_EQ(named.subdir(at("a/b")).label(), "layer 3/a/b");
  EXPECT_EQ(named.duplicate().label(), "layer 3");
}

TEST_P(DirCalls, open_wants_a_directory) {
  EXPECT_EQ(errnum_of([&] { Dir::open(host("none"), Confine::image); }), ENOENT);
  EXPECT_EQ(errnum_of([&] { Dir::open(host("top"), Confine::image); }), ENOTDIR);
  fs::create_directory_symlink("a", host("to-a"));
  EXPECT_EQ(read(Dir::open(host("to-a"), Confine::strict), "mid"), "mid");
}

TEST_P(DirCalls, list_is_sorted_and_typed) {
  const auto names = [](const std::vector<DirEntry>& entries) {
    std::vector<std::string> out;
    for (const DirEntry& entry : entries) out.push_back(entry.name);
    return out;
  };
  EXPECT_THAT(names(dir_.list(TreePath())), ElementsAre("a", "link", "top"));
  EXPECT_THAT(names(dir_.list(at("a"))), ElementsAre("b", "mid"));
  const auto entries = dir_.list(at("a/b"));
  EXPECT_THAT(names(entries), ElementsAre("link", "low"));
  EXPECT_EQ(entries[0].type, DT_LNK);
  EXPECT_EQ(entries[1].type, DT_REG);
  EXPECT_EQ(errnum_of([&] { dir_.list(at("top")); }), ENOTDIR);
}

TEST_P(DirCalls, list_takes_more_entries_than_one_read_gives) {
  constexpr std::size_t kCount = 3000;
  dir_.make_dir(at("many"), 0755);
  for (std::size_t i = 0; i < kCount; ++i) write(host(cat("many/file-number-", i)), "");
  EXPECT_EQ(dir_.list(at("many")).size(), kCount);
}

TEST_P(DirCalls, read_file_takes_regular_files_within_the_limit) {
  EXPECT_EQ(read(dir_, "top"), "top");
  EXPECT_EQ(read(dir_, "a/b/low"), "low");
  EXPECT_EQ(dir_.read_file(at("top"), 3), "top");
  EXPECT_THROW(dir_.read_file(at("top"), 2), Error);
  EXPECT_EQ(errnum_of([&] { read(dir_, "link"); }), ELOOP);
  dir_.make_node(at("a/fifo"), S_IFIFO | 0644, 0);
  for (const auto other : {"a/fifo", "a", ""}) {
    try {
      read(dir_, other);
      ADD_FAILURE() << other << " was read as a file";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::invalid);
    }
  }
}

TEST_P(DirCalls, open_file_creates_exclusively_and_closes_on_exec) {
  const UniqueFd fd = dir_.open_file(at("a/b/new"), O_WRONLY | O_CREAT | O_EXCL, 0640);
  EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
  dir_.set_mode(at("a/b/new"), 0640);
  EXPECT_EQ(dir_.stat(at("a/b/new")).st_mode, S_IFREG | 0640U);
  const auto again = [&] { dir_.open_file(at("a/b/new"), O_WRONLY | O_CREAT | O_EXCL, 0640); };
  EXPECT_EQ(errnum_of([&] { again(); }), EEXIST);
  // Flags that openat2 alone would refuse mean what they mean to open(2).
  EXPECT_TRUE(dir_.open_file(at("a/b/low"), O_PATH | O_RDWR | O_NONBLOCK));
  EXPECT_TRUE(dir_.open_file(at("a/b/low"), O_RDONLY, 0777));
}

TEST_P(DirCalls, open_file_never_writes_through_a_link) {
  fs::create_symlink(outside() + "/secret", host("a/evil"));
  EXPECT_EQ(errnum_of([&] { dir_.open_file(at("a/evil"), O_WRONLY | O_CREAT, 0644); }), ELOOP);
  EXPECT_EQ(errnum_of([&] { strict().open_file(at("a/evil"), O_WRONLY | O_TRUNC); }), ELOOP);
  EXPECT_EQ(fs::file_size(outside() + "/secret"), 6U);
}

TEST_P(DirCalls, make_dirs_is_like_mkdir_p) {
  dir_.make_dirs(at("n/e/w"), 0755);
  dir_.make_dirs(at("n/e/w"), 0755);
  dir_.make_dirs(at("a/b/c/d"), 0755);
  dir_.make_dirs(TreePath(), 0755);
  EXPECT_TRUE(fs::is_directory(host("n/e/w")));
  EXPECT_TRUE(fs::is_directory(host("a/b/c/d")));
  EXPECT_EQ(errnum_of([&] { dir_.make_dirs(at("top"), 0755); }), EEXIST);
  EXPECT_EQ(errnum_of([&] { dir_.make_dirs(at("top/x/y"), 0755); }), ENOTDIR);
  EXPECT_EQ(errnum_of([&] { dir_.make_dir(at("a"), 0755); }), EEXIST);
  EXPECT_EQ(errnum_of([&] { dir_.make_dir(at("q/r"), 0755); }), ENOENT);
}

TEST_P(DirCalls, make_dirs_goes_through_links_inside_the_image) {
  fs::create_directory_symlink("/a", host("to-a"));
  fs::create_directory_symlink("nowhere", host("dangling"));
  dir_.make_dirs(at("to-a"), 0755);
  dir_.make_dirs(at("to-a/x/y"), 0755);
  EXPECT_TRUE(fs::is_directory(host("a/x/y")));
  EXPECT_EQ(errnum_of([&] { dir_.make_dirs(at("dangling"), 0755); }), EEXIST);
  EXPECT_EQ(errnum_of([&] { dir_.make_dirs(at("dangling/x"), 0755); }), ENOENT);
  EXPECT_EQ(errnum_of([&] { strict().make_dirs(at("to-a/z"), 0755); }), ELOOP);
}

TEST_P(DirCalls, links_nodes_rename_unlink) {
  dir_.make_symlink("/else/where", at("a/b/sym"));
  EXPECT_EQ(dir_.read_link(at("a/b/sym")), "/else/where");
  EXPECT_EQ(errnum_of([&] { dir_.read_link(at("top")); }), EINVAL);
  dir_.link(at("top"), at("a/hard"));
  EXPECT_EQ(dir_.stat(at("a/hard")).st_ino, dir_.stat(at("top")).st_ino);
  dir_.link(at("link"), at("a/hard-link"));  // the link itself
  EXPECT_TRUE(S_ISLNK(dir_.stat(at("a/hard-link")).st_mode));
  dir_.make_node(at("a/fifo"), S_IFIFO | 0600, 0);
  EXPECT_TRUE(S_ISFIFO(dir_.stat(at("a/fifo")).st_mode));
  dir_.rename(at("a/mid"), at("a/b/low"));
  EXPECT_EQ(read(dir_, "a/b/low"), "mid");
  EXPECT_FALSE(dir_.try_stat(at("a/mid")));
  dir_.unlink(at("link"));
  EXPECT_EQ(read(dir_, "top"), "top");
  EXPECT_EQ(errnum_of([&] { dir_.unlink(at("a")); }), EISDIR);
  EXPECT_EQ(errnum_of([&] { dir_.unlink(at("none")); }), ENOENT);
}

TEST_P(DirCalls, modes_times_and_owners) {
  for (const auto path : {"", "top", "a/b", "a/b/low"}) {
    dir_.set_mode(at(path), 0751);
    dir_.set_mtime(at(path), {.seconds = -5, .nanoseconds = 7});
    const struct stat status = dir_.stat(at(path));
    EXPECT_EQ(status.st_mode & 07777U, 0751U) << path;
    EXPECT_EQ(status.st_mtim.tv_sec, -5) << path;
    EXPECT_EQ(status.st_mtim.tv_nsec, 7) << path;
    EXPECT_EQ(status.st_atim.tv_sec, -5) << path;
  }
  dir_.set_mode(at("a/b/low"), 06755);
  EXPECT_EQ(dir_.stat(at("a/b/low")).st_mode & 07777U, 06755U);
}

TEST_P(DirCalls, a_link_is_changed_itself_or_not_at_all) {
  const mode_t before = dir_.stat(at("a/b/low")).st_mode;
  EXPECT_EQ(errnum_of([&] { dir_.set_mode(at("a/b/link"), 0777); }), EOPNOTSUPP);
  EXPECT_EQ(dir_.stat(at("a/b/low")).st_mode, before);
  dir_.set_mtime(at("a/b/link"), {.seconds = 1, .nanoseconds = 0});
  EXPECT_EQ(dir_.stat(at("a/b/link")).st_mtim.tv_sec, 1);
  EXPECT_NE(dir_.stat(at("a/b/low")).st_mtim.tv_sec, 1);
  const bool root = ::geteuid() == 0;
  const uid_t uid = root ? 1234 : ::getuid();
  const gid_t gid = root ? 5678 : ::getgid();
  dir_.set_owner(at("a/b/link"), uid, gid);
  EXPECT_EQ(dir_.stat(at("a/b/link")).st_uid, uid);
  EXPECT_EQ(dir_.stat(at("a/b/link")).st_gid, gid);
  EXPECT_EQ(dir_.stat(at("a/b/low")).st_uid, ::getuid());
  if (!root) {
    EXPECT_EQ(errnum_of([&] { dir_.set_owner(at("top"), uid + 1, gid); }), EPERM);
  }
}

TEST_P(DirCalls, xattrs) {
  for (const auto path : {"", "top", "a/b", "a/b/low"}) {
    EXPECT_EQ(dir_.get_xattr(at(path), "user.cooper"), std::nullopt);
    const std::string value("\0v\xff", 3);
    try {
      dir_.set_xattr(at(path), "user.cooper", value);
    } catch (const SysError& error) {
      // Some file systems hold no user attributes; then there are none.
      ASSERT_EQ(error.errnum(), ENOTSUP);
      EXPECT_TRUE(dir_.list_xattrs(at(path)).empty());
      continue;
    }
    dir_.set_xattr(at(path), "user.large", std::string(1500, 'x'));
    dir_.set_xattr(at(path), "user.empty", "");
    EXPECT_EQ(dir_.get_xattr(at(path), "user.cooper"), value);
    EXPECT_EQ(dir_.get_xattr(at(path), "user.large")->size(), 1500U);
    EXPECT_EQ(dir_.get_xattr(at(path), "user.empty"), "");
    EXPECT_THAT(dir_.list_xattrs(at(path)), ::testing::IsSupersetOf({"user.cooper", "user.large"}));
  }
  EXPECT_EQ(errnum_of([&] { dir_.list_xattrs(at("a/none")); }), ENOENT);
  EXPECT_EQ(errnum_of([&] { dir_.get_xattr(at("none"), "user.x"); }), ENOENT);
  // The kernel gives links no user attributes: EPERM shows that the target was not meant.
  EXPECT_EQ(errnum_of([&] { dir_.set_xattr(at("a/b/link"), "user.link", "x"); }), EPERM);
  EXPECT_EQ(dir_.get_xattr(at("a/b/low"), "user.link"), std::nullopt);
}

TEST_P(DirCalls, open_parent) {
  const UniqueFd parent = dir_.open_parent(at("a/b/low"));
  EXPECT_EQ(::faccessat(parent.get(), "low", F_OK, 0), 0);
  EXPECT_EQ(::faccessat(dir_.open_parent(at("top")).get(), "top", F_OK, 0), 0);
  EXPECT_EQ(errnum_of([&] { dir_.open_parent(TreePath()); }), EINVAL);
  EXPECT_EQ(errnum_of([&] { dir_.open_parent(at("top/x")); }), ENOTDIR);
}

TEST_P(DirCalls, the_root_can_not_be_moved_or_replaced) {
  EXPECT_EQ(errnum_of([&] { dir_.make_dir(TreePath(), 0755); }), EEXIST);
  EXPECT_NE(errnum_of([&] { dir_.unlink(TreePath()); }), 0);
  EXPECT_NE(errnum_of([&] { dir_.rename(TreePath(), at("x")); }), 0);
  EXPECT_NE(errnum_of([&] { dir_.rename(at("a"), TreePath()); }), 0);
  EXPECT_NE(errnum_of([&] { dir_.make_symlink("x", TreePath()); }), 0);
}

}  // namespace
}  // namespace cooper
