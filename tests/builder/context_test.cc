#include "builder/context.h"

#include <gtest/gtest.h>

#include "tests/builder/store_fixture.h"

namespace cooper::builder {
namespace {

class Context : public ::testing::Test {
 protected:
  fs::path root() const { return fs::path(home_.host_path()) / "context"; }
  void SetUp() override { fs::create_directories(root()); }

  // Names directly beneath the root.
  Words names(const std::optional<fs::path>& dockerfile = std::nullopt) const {
    Words list;
    const ContextOptions options{root(), dockerfile, nullptr, 2};
    const auto tree = open_local_context(options, read_ignore_file(options));
    for (const layers::Entry& entry : tree->children(TreePath())) list.push_back(entry.path.str());
    return list;
  }

  TempDir home_ = TempDir::in_host_tmp("cooper-context-test-");
};

TEST_F(Context, CTX_03_files_belong_to_root) {
  write_file(root() / "a", "1");
  fs::permissions(root() / "a", fs::perms::owner_all);
  const auto tree = open_local_context({root(), std::nullopt, nullptr, 2}, std::nullopt);
  const auto entry = tree->find(TreePath::clean("a"));
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->uid, 0U);
  EXPECT_EQ(entry->gid, 0U);
  EXPECT_EQ(entry->mode, 0700U);
}

TEST_F(Context, IGNORE_01_IGNORE_02_the_dockerfiles_own_ignore_file_wins) {
  write_file(root() / "a", "");
  write_file(root() / "b", "");
  const fs::path dockerfile = fs::path(home_.host_path()) / "else" / "Dockerfile";
  EXPECT_EQ(names(dockerfile), (Words{"a", "b"}));
  write_file(root() / ".dockerignore", "a\n.dockerignore\n");
  EXPECT_EQ(names(dockerfile), Words{"b"});
  EXPECT_EQ(names(), Words{"b"});
  write_file(dockerfile.string() + ".dockerignore", "b\n");
  EXPECT_EQ(names(dockerfile), (Words{".dockerignore", "a"}));
  write_file(dockerfile.string() + ".dockerignore", "");
  EXPECT_EQ(names(dockerfile), (Words{".dockerignore", "a", "b"}));
}

TEST_F(Context, IGNORE_12_what_hides_a_file_is_told) {
  write_file(root() / "secret/key", "");
  write_file(root() / "log.txt", "");
  write_file(root() / ".dockerignore", "# a comment\n\n*.txt\n!other.txt\n/secret\n");
  const ContextOptions options{root(), std::nullopt, nullptr, 2};
  const auto tree = open_local_context(options, read_ignore_file(options));
  const std::string file = (root() / ".dockerignore").string();
  EXPECT_EQ(tree->hidden_by(TreePath::clean("log.txt")), "line 3 of " + file);
  EXPECT_EQ(tree->hidden_by(TreePath::clean("secret/key")), "line 5 of " + file);
  for (const char* path : {"none.txt", ".dockerignore", "other.txt", ""}) {
    EXPECT_EQ(tree->hidden_by(TreePath::clean(path)), "") << path;
  }
}

TEST_F(Context, IGNORE_08_an_exception_brings_its_parent_back) {
  write_file(root() / "keep/x", "");
  write_file(root() / "keep/y", "");
  write_file(root() / "z", "");
  write_file(root() / ".dockerignore", "*\n!keep/x\n");
  EXPECT_EQ(names(), Words{"keep"});
}

TEST_F(Context, IGNORE_04_a_bad_ignore_file_is_named) {
  write_file(root() / ".dockerignore", "!\n");
  try {
    names();
    FAIL() << "a lone '!' was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::invalid);
    EXPECT_HAS(error.what(), ".dockerignore");
    EXPECT_HAS(error.what(), "illegal exclusion pattern");
  }
}

TEST_F(Context, a_missing_directory_is_not_found) {
  try {
    open_local_context({root() / "nowhere", std::nullopt, nullptr, 2}, std::nullopt);
    FAIL() << "opened nothing";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::not_found);
    EXPECT_HAS(error.what(), "nowhere");
  }
}

}  // namespace
}  // namespace cooper::builder
