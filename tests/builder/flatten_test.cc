#include "builder/flatten.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "layers/apply.h"
#include "tests/builder/store_fixture.h"

namespace cooper::builder {
namespace {

class Flatten : public ::testing::Test {
 protected:
  fs::path path(const std::string& name) const { return fs::path(home_.host_path()) / name; }

  void SetUp() override {
    write_file(path("src/a"), "1");
    write_file(path("src/dir/b"), "22");
    fs::permissions(path("src/a"), fs::perms(0640));
    fs::create_hard_link(path("src/a"), path("src/dir/hard"));
    fs::create_symlink("../../escape", path("src/dir/link"));
    fs::create_directories(path("src/empty"));
    fs::permissions(path("src/empty"), fs::perms(0555));
    fs::permissions(path("src/dir"), fs::perms(0555));
  }
  void TearDown() override {
    for (const char* name : {"src/dir", "out/dir"}) {
      std::error_code ignored;
      fs::permissions(path(name), fs::perms(0755), ignored);
    }
  }

  std::unique_ptr<layers::Tree> tree() const {
    return layers::open_host_tree(Dir::open(path("src"), Confine::image), {});
  }
  static struct stat status(const fs::path& file) {
    struct stat found {};
    EXPECT_EQ(::lstat(file.c_str(), &found), 0) << file;
    return found;
  }

  TempDir home_ = TempDir::in_host_tmp("cooper-flatten-test-");
};

TEST_F(Flatten, OUT_15_a_directory_with_modes_links_and_our_ownership) {
  flatten_to_directory(*tree(), path("out"), std::nullopt);
  EXPECT_EQ(read_file(path("out/a")), "1");
  EXPECT_EQ(read_file(path("out/dir/b")), "22");
  EXPECT_EQ(fs::read_symlink(path("out/dir/link")), "../../escape");
  EXPECT_EQ(status(path("out/a")).st_mode & 07777, 0640U);
  EXPECT_EQ(status(path("out/empty")).st_mode & 07777, 0555U);
  EXPECT_EQ(status(path("out/dir")).st_mode & 07777, 0555U);
  EXPECT_EQ(read_file(path("out/dir/hard")), "1");
  EXPECT_EQ(status(path("out/a")).st_uid, ::geteuid());
  EXPECT_EQ(status(path("out/a")).st_mtim.tv_sec, status(path("src/a")).st_mtim.tv_sec);
}

TEST_F(Flatten, OUT_15_merges_and_can_be_repeated) {
  write_file(path("out/mine"), "kept");
  write_file(path("out/a"), "old");
  fs::create_directories(path("elsewhere"));
  flatten_to_directory(*tree(), path("out"), std::nullopt);
  flatten_to_directory(*tree(), path("out"), std::nullopt);
  EXPECT_EQ(read_file(path("out/mine")), "kept");
  EXPECT_EQ(read_file(path("out/a")), "1");
  EXPECT_EQ(read_file(path("out/dir/b")), "22");
}

TEST_F(Flatten, SEC_07_links_in_the_destination_are_replaced_not_followed) {
  write_file(path("precious/b"), "precious");
  fs::create_directories(path("out"));
  fs::create_directory_symlink(path("precious"), path("out/dir"));
  fs::create_symlink(path("precious/b"), path("out/a"));
  flatten_to_directory(*tree(), path("out"), std::nullopt);
  EXPECT_EQ(read_file(path("precious/b")), "precious");
  EXPECT_TRUE(fs::is_directory(fs::symlink_status(path("out/dir"))));
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(path("out/a"))));
}

TEST_F(Flatten, OUT_15_a_directory_in_the_way_of_a_file_is_replaced) {
  write_file(path("out/a/b/inside"), "x");
  write_file(path("out/kept/c"), "x");
  fs::permissions(path("out/kept"), fs::perms(0751));
  flatten_to_directory(*tree(), path("out"), std::nullopt);
  EXPECT_EQ(read_file(path("out/a")), "1");
  EXPECT_EQ(read_file(path("out/kept/c")), "x");
  EXPECT_EQ(status(path("out/kept")).st_mode & 07777, 0751U);
}

// What fails on the way leaves directories that were there usable.
TEST_F(Flatten, OUT_15_a_failure_leaves_the_modes_of_directories_alone) {
  if (::geteuid() == 0) GTEST_SKIP() << "nothing is unreadable to root";
  write_file(path("out/dir/mine"), "x");
  fs::permissions(path("out/dir"), fs::perms(0751));
  fs::permissions(path("src/dir/b"), fs::perms::none);
  EXPECT_ANY_THROW(flatten_to_directory(*tree(), path("out"), std::nullopt));
  EXPECT_EQ(status(path("out/dir")).st_mode & 07777, 0751U);
}

TEST_F(Flatten, OUT_15_it_ends_when_somebody_interrupts) {
  write_file(path("src/dir/b"), "2");
  std::stop_source stopped;
  stopped.request_stop();
  try {
    flatten_to_directory(*tree(), path("out"), std::nullopt, stopped.get_token());
    FAIL() << "it went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::cancelled);
  }
}

TEST_F(Flatten, REPRO_07_an_epoch_is_every_mtime) {
  flatten_to_directory(*tree(), path("out"), 1'000'000'000);
  for (const char* name : {"out/a", "out/dir", "out/dir/b", "out/dir/link", "out/empty"}) {
    EXPECT_EQ(status(path(name)).st_mtim.tv_sec, 1'000'000'000) << name;
  }
}

TEST_F(Flatten, OUT_18_a_tar_with_the_same_tree) {
  StringSink out;
  flatten_to_tar({{"", tree()}}, 1'000'000'000, out);
  const auto table = layers::read_table(std::make_unique<MemorySource>(out.text), {}, "tar");
  Words names;
  for (const layers::Entry& entry : table.entries()) {
    names.push_back(entry.path.str());
    EXPECT_EQ(entry.mtime, (Timestamp{1'000'000'000, 0})) << entry.path.str();
    EXPECT_EQ(entry.uid, 0U);
  }
  EXPECT_EQ(names, (Words{"a", "dir", "dir/b", "dir/hard", "dir/link", "empty"}));
  const auto* hard = table.find(TreePath::clean("dir/hard"));
  EXPECT_EQ(hard->type, layers::EntryType::file);  // a host tree tells of no link groups
  EXPECT_EQ(table.find(TreePath::clean("a"))->mode, 0640U);
  EXPECT_EQ(table.find(TreePath::clean("dir/link"))->link_target, "../../escape");
}

TEST_F(Flatten, OUT_18_IMG_14_attributes_of_an_overlay_or_a_machine_reach_no_tar) {
  std::vector<layers::Entry> rows(1);
  rows[0].path = TreePath::clean("d");
  rows[0].type = layers::EntryType::directory;
  for (const char* name : {"user.mine", "user.overlay.opaque", "trusted.overlay.opaque", "security.selinux"}) {
    rows[0].xattrs[name] = "y";
  }
  StringSink out;
  flatten_to_tar({{"", layers::merge_layers({{std::make_shared<const layers::Table>(rows), std::nullopt}})}},
                 std::nullopt, out);
  const auto table = layers::read_table(std::make_unique<MemorySource>(out.text), {}, "tar");
  EXPECT_EQ(table.find(TreePath::clean("d"))->xattrs, (layers::Xattrs{{"user.mine", "y"}}));
}

TEST_F(Flatten, OUT_17_a_folder_for_each_of_several) {
  StringSink out;
  flatten_to_tar({{"linux_amd64", tree()}, {"linux_arm_v7", layers::merge_layers({})}}, 7, out);
  const auto table = layers::read_table(std::make_unique<MemorySource>(out.text), {}, "tar");
  Words names;
  for (const layers::Entry& entry : table.entries()) names.push_back(entry.path.str());
  EXPECT_EQ(names, (Words{"linux_amd64", "linux_amd64/a", "linux_amd64/dir", "linux_amd64/dir/b",
                          "linux_amd64/dir/hard", "linux_amd64/dir/link", "linux_amd64/empty",
                          "linux_arm_v7"}));
}

TEST_F(Flatten, OUT_19_an_empty_tree) {
  const std::shared_ptr<const layers::Tree> empty = layers::merge_layers({});
  StringSink out;
  flatten_to_tar({{"", empty}}, std::nullopt, out);
  EXPECT_EQ(out.text, std::string(1024, '\0'));
  flatten_to_directory(*empty, path("out"), std::nullopt);
  EXPECT_TRUE(fs::is_empty(path("out")));
}

}  // namespace
}  // namespace cooper::builder
