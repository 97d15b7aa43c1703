#include "base/temp_dir.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "base/error.h"

namespace cooper {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(TempDir, is_private_and_disappears_with_everything_in_it) {
  std::string path;
  {
    const TempDir temp = TempDir::in_host_tmp("base-");
    path = temp.host_path();
    EXPECT_THAT(temp.name().str(), StartsWith("base-"));
    EXPECT_EQ(temp.dir().stat(TreePath()).st_mode & 07777U, 0700U);
    temp.dir().make_dirs(TreePath::clean("a/b"), 0755);
    static_cast<void>(temp.dir().open_file(TreePath::clean("a/b/c"), O_WRONLY | O_CREAT, 0644));
    ASSERT_TRUE(fs::exists(path + "/a/b/c"));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(TempDir, keep_hands_the_tree_over) {
  const TempDir outer = TempDir::in_host_tmp("base-");
  std::string path;
  {
    TempDir inner(outer.dir(), "kept-");
    path = inner.host_path();
    EXPECT_THAT(path, HasSubstr(outer.host_path()));
    inner.keep();
  }
  EXPECT_TRUE(fs::is_directory(path));
}

TEST(TempDir, a_moved_from_one_removes_nothing) {
  const TempDir outer = TempDir::in_host_tmp("base-");
  auto first = std::make_unique<TempDir>(outer.dir(), "x-");
  const std::string path = first->host_path();
  {
    const TempDir second(std::move(*first));
    first.reset();
    EXPECT_TRUE(fs::is_directory(path));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(TempDir, names_differ) {
  const TempDir outer = TempDir::in_host_tmp("base-");
  const TempDir a(outer.dir(), "x-");
  const TempDir b(outer.dir(), "x-");
  EXPECT_NE(a.name(), b.name());
}

TEST(TempDir, a_prefix_that_is_a_path_is_refused) {
  const TempDir outer = TempDir::in_host_tmp("base-");
  EXPECT_THROW(TempDir(outer.dir(), "../x"), Error);
}

TEST(TempDir, does_not_mind_that_it_is_gone_already) {
  const TempDir outer = TempDir::in_host_tmp("base-");
  const TempDir gone(outer.dir(), "x-");
  outer.dir().remove_all(gone.name());
  EXPECT_TRUE(outer.dir().list(TreePath()).empty());
}

}  // namespace
}  // namespace cooper
