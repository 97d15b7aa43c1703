// Where trees are kept: builder/tree_place.cc. With builds: tests/e2e/cases/scratch.sh.
#include "builder/tree_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/temp_dir.h"
#include "tests/oci/expect_error.h"

namespace cooper::builder {
namespace {

namespace fs = std::filesystem;

class Scratch : public ::testing::Test {
 protected:
  TempDir dir_ = TempDir::in_host_tmp("cooper-place-");
  fs::path home_ = dir_.host_path();
  fs::path own_ = home_ / ("cooper-" + std::to_string(::geteuid()));
  std::unique_ptr<cache::Store> store_ = cache::Store::open(home_ / "store");
};

TEST_F(Scratch, none_means_the_store) {
  TreePlace place(*store_, "");
  EXPECT_EQ(&place.trees(), store_.get());
}

TEST_F(Scratch, is_made_when_asked_for_and_emptied_in_the_end) {
  {
    TreePlace place(*store_, home_);
    EXPECT_FALSE(fs::exists(own_));
    cache::Store& trees = place.trees();
    EXPECT_EQ(trees.path(), own_);
    EXPECT_EQ(&place.trees(), &trees);
    trees.put_tree("0", {oci::sha256("a")}, trees.new_tree("0"), TreePath());
    EXPECT_TRUE(trees.find_tree("0", {oci::sha256("a")}));
    EXPECT_FALSE(store_->find_tree("0", {oci::sha256("a")}));
  }
  EXPECT_TRUE(fs::is_empty(own_));
}

TEST_F(Scratch, keeps_what_another_build_uses) {
  TreePlace other(*store_, home_);
  cache::Store& trees = other.trees();
  trees.put_tree("0", {oci::sha256("a")}, trees.new_tree("0"), TreePath());
  { TreePlace(*store_, home_).trees(); }
  EXPECT_TRUE(trees.find_tree("0", {oci::sha256("a")}));
}

TEST_F(Scratch, where_others_may_put_another_in_its_place_is_refused) {
  ASSERT_EQ(::chmod(home_.c_str(), 0777), 0);
  tests::expect_error(Errc::denied, "others may change what is in it", [&] { TreePlace place(*store_, home_); });
  ASSERT_EQ(::chmod(home_.c_str(), 01777), 0);
  EXPECT_NO_THROW(TreePlace(*store_, home_).trees());
}

TEST_F(Scratch, where_others_may_write_is_refused) {
  ASSERT_EQ(::mkdir(own_.c_str(), 0700), 0);
  ASSERT_EQ(::chmod(own_.c_str(), 0720), 0);
  TreePlace place(*store_, home_);
  tests::expect_error(Errc::denied, "is not ours alone", [&] { place.trees(); });
}

TEST_F(Scratch, that_is_a_link_is_refused) {
  fs::create_directory(home_ / "elsewhere");
  fs::create_directory_symlink("elsewhere", own_);
  TreePlace place(*store_, home_);
  tests::expect_error(Errc::denied, "is not ours alone", [&] { place.trees(); });
}

}  // namespace
}  // namespace cooper::builder
