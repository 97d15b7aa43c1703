#include "layers/write_tree.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/layers/copy_support.h"

namespace cooper::layers {
namespace {

Selection only(std::shared_ptr<const Tree> tree, const std::string& path) {
  CopyRequest wanted;
  wanted.sources.push_back({path, true});
  return select(std::move(tree), wanted);
}

class WriteTree : public ::testing::Test {
 protected:
  void write(const Selection& selection) const { write_tree(selection, out_.dir(), test_seal()); }
  std::string text(const std::string& path) const {
    return out_.dir().read_file(TreePath::clean(path), 1 << 20);
  }
  struct stat status(const std::string& path) const {
    return out_.dir().stat(TreePath::clean(path));
  }

  Context context_;
  TempDir out_ = TempDir::in_host_tmp("cooper-write-tree-");
};

TEST_F(WriteTree, a_directory_with_all_that_is_in_it) {
  context_.file("d/a", "1", 0755).dir("d/e", 0700).file("d/e/b", "2").link("d/l", "../a");
  context_.hard("d/h", "d/a").fifo("d/f").file("other");
  write(only(context_.tree(), "d"));
  EXPECT_EQ(text("a"), "1");
  EXPECT_EQ(status("a").st_mode & 07777, 0755U);
  EXPECT_EQ(status("a").st_mtim.tv_sec, kContextTime);
  EXPECT_EQ(status("h").st_ino, status("a").st_ino);
  EXPECT_EQ(text("e/b"), "2");
  EXPECT_EQ(status("e").st_mode & 07777, 0700U);
  EXPECT_EQ(status("e").st_mtim.tv_sec, kContextTime);
  EXPECT_EQ(out_.dir().read_link(TreePath::clean("l")), "../a");
  EXPECT_TRUE(S_ISFIFO(status("f").st_mode));
  EXPECT_EQ(out_.dir().list(TreePath()).size(), 5U);
}

TEST_F(WriteTree, CTX_03_files_belong_to_root) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to own a file differently";
  context_.file("a");
  context_.root().set_owner(TreePath::clean("a"), 12, 34);
  write(only(context_.tree(), "/"));
  EXPECT_EQ(status("a").st_uid, 0U);
  EXPECT_EQ(status("a").st_gid, 0U);
}

TEST_F(WriteTree, IGNORE_10_what_is_ignored_is_not_there) {
  context_.file("a").file("secret").file("d/secret").file("d/b");
  write(only(context_.tree({.filter = filter({"secret", "d/secret"})}), "/"));
  EXPECT_EQ(out_.dir().list(TreePath()).size(), 2U);
  EXPECT_EQ(out_.dir().list(TreePath::clean("d")).size(), 1U);
}

TEST_F(WriteTree, MNT_11_one_file_through_links_of_the_tree) {
  context_.file("d/a", "1", 0600).link("l", "/d").link("m", "l/a");
  write(only(context_.tree(), "m"));
  EXPECT_EQ(text(kSingleFileName), "1");
  EXPECT_EQ(status(kSingleFileName).st_mode & 07777, 0600U);
}

TEST_F(WriteTree, the_identity_follows_content_and_times) {
  context_.file("d/a", "1").file("d/b", "2");
  const auto identity = [&] {
    const Selection selection = only(context_.tree(), "d");
    return tree_identity(selection, selection_digest(selection));
  };
  const oci::Digest first = identity();
  EXPECT_EQ(identity(), first);
  context_.file("other");
  EXPECT_EQ(identity(), first);
  context_.touch("d/a", {1, 0});
  const oci::Digest touched = identity();
  EXPECT_NE(touched, first);
  context_.touch("d/a");
  context_.file("d/b", "3");
  EXPECT_NE(identity(), first);
  context_.file("d/b", "2");
  EXPECT_EQ(identity(), first);
  context_.root().set_mode(TreePath::clean("d"), 0711);
  EXPECT_NE(identity(), first);
}

}  // namespace
}  // namespace cooper::layers
