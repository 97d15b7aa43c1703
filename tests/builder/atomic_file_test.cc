#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "builder/export.h"
#include "tests/builder/store_fixture.h"

namespace cooper::builder {
namespace {

class AtomicFileTest : public ::testing::Test {
 protected:
  fs::path path(const std::string& name) const { return fs::path(home_.host_path()) / name; }
  std::size_t count() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(home_.host_path()), {}));
  }
  TempDir home_ = TempDir::in_host_tmp("cooper-atomic-test-");
};

TEST_F(AtomicFileTest, appears_by_publish_only) {
  AtomicFile file(path("out"));
  file.write(as_bytes("hello"));
  EXPECT_FALSE(fs::exists(path("out")));
  file.publish();
  EXPECT_EQ(read_file(path("out")), "hello");
  EXPECT_EQ(count(), 1U);
}

TEST_F(AtomicFileTest, leaves_nothing_and_the_old_file_without_publish) {
  write_file(path("out"), "old");
  {
    AtomicFile file(path("out"));
    file.write(as_bytes("new"));
  }
  EXPECT_EQ(read_file(path("out")), "old");
  EXPECT_EQ(count(), 1U);
}

TEST_F(AtomicFileTest, replaces_the_old_file) {
  write_file(path("out"), "old and long");
  AtomicFile file(path("out"));
  file.write(as_bytes("new"));
  file.publish();
  EXPECT_EQ(read_file(path("out")), "new");
}

TEST_F(AtomicFileTest, has_the_mode_that_open_would_give) {
  const mode_t before = ::umask(027);
  {
    AtomicFile file(path("out"));
    file.publish();
  }
  ::umask(before);
  struct stat status {};
  ASSERT_EQ(::stat(path("out").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640U);
}

TEST_F(AtomicFileTest, OUT_03_a_directory_is_refused) {
  fs::create_directories(path("out"));
  try {
    AtomicFile file(path("out"));
    FAIL() << "a directory was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::invalid);
    EXPECT_HAS(error.what(), "destination file is a directory");
  }
}

TEST_F(AtomicFileTest, a_name_may_be_as_long_as_names_can_be) {
  const std::string name(255, 'n');
  AtomicFile file(path(name));
  file.write(as_bytes("content"));
  file.publish();
  EXPECT_EQ(read_file(path(name)), "content");
  EXPECT_EQ(count(), 1U);
}

TEST_F(AtomicFileTest, what_is_replaced_gives_its_mode) {
  write_file(path("out"), "old");
  fs::permissions(path("out"), fs::perms::owner_read | fs::perms::owner_write);
  AtomicFile file(path("out"));
  file.publish();
  EXPECT_EQ(fs::status(path("out")).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(AtomicFileTest, the_mode_is_that_of_the_file_which_is_there_at_the_end) {
  write_file(path("out"), "old");
  AtomicFile file(path("out"));
  fs::permissions(path("out"), fs::perms::owner_read | fs::perms::owner_write);
  file.publish();
  EXPECT_EQ(fs::status(path("out")).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(AtomicFileTest, a_missing_parent_is_named) {
  try {
    AtomicFile file(path("no/out"));
    FAIL() << "made a file nowhere";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::io);
    EXPECT_HAS(error.what(), "no/out");
  }
}

TEST_F(AtomicFileTest, has_no_name_that_a_killed_process_would_leave) {
  AtomicFile file(path("out"));
  file.write(as_bytes("hello"));
  EXPECT_EQ(count(), 0U);  // a file system without O_TMPFILE would fail here: the tests' /tmp has it
}

TEST_F(AtomicFileTest, a_link_stays_and_what_it_leads_to_is_replaced) {
  fs::create_directories(path("far"));
  write_file(path("far/file"), "old");
  fs::create_symlink("far/file", path("near"));
  fs::create_symlink(path("near"), path("link"));
  {
    AtomicFile file(path("link"));
    file.write(as_bytes("new"));
    file.publish();
  }
  EXPECT_TRUE(fs::is_symlink(path("link")) && fs::is_symlink(path("near")));
  EXPECT_EQ(read_file(path("far/file")), "new");
}

TEST_F(AtomicFileTest, a_link_to_nothing_is_replaced) {
  fs::create_symlink("nothing", path("link"));
  AtomicFile file(path("link"));
  file.write(as_bytes("new"));
  file.publish();
  EXPECT_FALSE(fs::is_symlink(path("link")));
  EXPECT_EQ(read_file(path("link")), "new");
  EXPECT_EQ(count(), 1U);
}

TEST_F(AtomicFileTest, a_link_that_the_kernel_would_not_follow_is_refused) {
  std::ifstream setting("/proc/sys/fs/protected_symlinks");
  if (int value = 0; ::geteuid() != 0 || !(setting >> value) || value == 0) GTEST_SKIP() << "not protected here";
  fs::create_directories(path("shared"));
  ASSERT_EQ(::chmod(path("shared").c_str(), 01777), 0);
  write_file(path("victim"), "old");
  fs::create_symlink(path("victim"), path("shared/out"));
  ASSERT_EQ(::lchown(path("shared/out").c_str(), 12345, 12345), 0);
  EXPECT_THROW(AtomicFile(path("shared/out")), Error);
  EXPECT_EQ(read_file(path("victim")), "old");
}

TEST_F(AtomicFileTest, a_descriptor_of_ours_is_written_through) {
  const UniqueFd out(::open(path("out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  AtomicFile file(cat("/proc/self/fd/", out.get()));
  file.write(as_bytes("hi"));
  file.publish();
  EXPECT_EQ(read_file(path("out")), "hi");
  EXPECT_EQ(count(), 1U);
}

TEST_F(AtomicFileTest, a_pipe_or_a_device_is_written_to_and_stays_what_it_is) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const UniqueFd reader(::open(path("pipe").c_str(), O_RDWR | O_CLOEXEC));
  AtomicFile file(path("pipe"));
  file.write(as_bytes("hi"));
  file.publish();
  char text[3] = {};
  ASSERT_EQ(::read(reader.get(), text, 2), 2);
  EXPECT_STREQ(text, "hi");
  EXPECT_TRUE(fs::is_fifo(path("pipe")));
  EXPECT_EQ(count(), 1U);
}

}  // namespace
}  // namespace cooper::builder
