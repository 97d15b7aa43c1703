// Trees and their marks: cache/trees.cc.
#include "cache/trees.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <thread>

#include "cache/secret.h"
#include "tests/cache/store_fixture.h"

namespace cooper::cache {
namespace {

using ::testing::IsEmpty;
using Tree = StoreTest;

std::string text_of(const Dir& tree) {
  return tree.read_file(TreePath::clean("file"), 1000);
}

TEST_F(Tree, is_published_whole_and_found_by_mapping_and_chain) {
  const auto store = open();
  EXPECT_FALSE(store->find_tree("0", chain_of("a")));
  put_plain_tree(*store, "0", chain_of("a"), "content");
  const std::optional<Dir> found = open()->find_tree("0", chain_of("a"));
  ASSERT_TRUE(found);
  EXPECT_EQ(text_of(*found), "content");
  EXPECT_FALSE(store->find_tree("sub-100000-65536", chain_of("a"))) << "mappings share no trees";
  EXPECT_EQ(store->tree_path("0", chain_of("a")),
            (path() / "trees/0" / chain_of("a").hex()).string());
  EXPECT_TRUE(fs::exists(fs::path(store->tree_path("0", chain_of("a"))) / "file"));
}

TEST_F(Tree, may_be_a_subdirectory_and_the_rest_vanishes) {
  const auto store = open();
  TempDir work = store->new_tree("0");
  const fs::path host = work.host_path();
  fs::create_directories(host / "upper");
  fs::create_directories(host / "work/work");
  write_file(host / "upper/file", "diff");
  const Dir published =
      store->put_tree("0", chain_of("a"), std::move(work), TreePath::clean("upper"));
  EXPECT_EQ(text_of(published), "diff");
  EXPECT_FALSE(fs::exists(host));
}

// The flag of a directory, where its file system has it; 0 where not.
int top_dir_flag(const fs::path& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  int flags = 0;
  return fd && ::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) == 0 ? flags & FS_TOPDIR_FL : 0;
}

TEST_F(Tree, gets_a_part_of_an_ext4_disk_for_itself) {
  const fs::path probe = path().parent_path() / "probe";
  fs::create_directories(probe);
  const UniqueFd fd(::open(probe.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  int flags = 0;
  ::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags);
  flags |= FS_TOPDIR_FL;
  const bool known = ::ioctl(fd.get(), FS_IOC_SETFLAGS, &flags) == 0 && top_dir_flag(probe) != 0;
  const auto store = open();
  const TempDir tree = store->new_tree("0");
  EXPECT_EQ(top_dir_flag(fs::path(tree.host_path()).parent_path()) != 0, known);
  EXPECT_EQ(top_dir_flag(tree.host_path()), 0)
      << "of what is made in the tree the files stay together";
}

TEST_F(Tree, of_the_first_process_wins) {
  const auto store = open();
  put_plain_tree(*store, "0", chain_of("a"), "first");
  TempDir second = store->new_tree("0");
  const fs::path host = second.host_path();
  write_file(host / "file", "second");
  const Dir published = store->put_tree("0", chain_of("a"), std::move(second), TreePath());
  EXPECT_EQ(text_of(published), "first");
  EXPECT_FALSE(fs::exists(host)) << "ours is dropped";
}

TEST_F(Tree, that_is_not_put_leaves_nothing) {
  const auto store = open();
  fs::path host;
  {
    const TempDir tree = store->new_tree("0");
    host = tree.host_path();
    write_file(host / "file", "x");
  }
  EXPECT_FALSE(fs::exists(host));
}

TEST_F(Tree, keeps_its_own_mtime_when_used) {
  const auto store = open();
  put_plain_tree(*store, "0", chain_of("a"), "x");
  const fs::path tree = store->tree_path("0", chain_of("a"));
  const auto past = fs::file_time_type::clock::now() - std::chrono::hours(1000);
  fs::last_write_time(tree, past);
  const auto lease = store->lease();
  EXPECT_TRUE(store->find_tree("0", chain_of("a")));
  EXPECT_EQ(fs::last_write_time(tree), past);
}

TEST_F(Tree, without_a_whole_mark_is_a_miss_and_is_replaced) {
  const auto store = open();
  for (const char* mark : {"", "settl", "another-boot 5\n"}) {
    put_plain_tree(*store, "0", chain_of("a"), "torn");
    const fs::path tree = store->tree_path("0", chain_of("a"));
    write_file(tree.string() + ".used", mark);
    EXPECT_FALSE(store->find_tree("0", chain_of("a"))) << mark;
    put_plain_tree(*store, "0", chain_of("a"), "new");
    const std::optional<Dir> found = store->find_tree("0", chain_of("a"));
    ASSERT_TRUE(found);
    EXPECT_EQ(text_of(*found), "new");
    fs::remove(tree.string() + ".used");
  }
  EXPECT_THAT(store->verify(false), IsEmpty());
}

TEST_F(Tree, whose_directory_was_deleted_is_a_miss_and_can_be_put_again) {
  const auto store = open();
  put_plain_tree(*store, "0", chain_of("a"), "x");
  fs::remove_all(store->tree_path("0", chain_of("a")));
  EXPECT_FALSE(store->find_tree("0", chain_of("a")));
  put_plain_tree(*store, "0", chain_of("a"), "y");
  EXPECT_EQ(text_of(*store->find_tree("0", chain_of("a"))), "y");
  fs::remove_all(path() / "trees");
  EXPECT_FALSE(store->find_tree("0", chain_of("a")));
  put_plain_tree(*store, "0", chain_of("a"), "z");
  EXPECT_EQ(text_of(*store->find_tree("0", chain_of("a"))), "z");
}

TEST_F(Tree, mappings_that_are_no_plain_words_are_refused) {
  const auto store = open();
  const std::string long_word(101, 'a');
  for (const std::string& mapping : {std::string(), std::string(".."), std::string("a/b"),
                                     std::string("."), std::string("a b"), long_word}) {
    expect_error(Errc::invalid, "id mapping", [&] { store->new_tree(mapping); });
    expect_error(Errc::invalid, "id mapping", [&] { store->find_tree(mapping, chain_of("a")); });
  }
}

TEST(TreeMark, of_this_boot_is_young_then_settles) {
  const BootClock made{"boot", 100};
  const std::string text = mark_text(made, "key");
  EXPECT_EQ(read_mark(text, {"boot", 100}, "key"), TreeState::young);
  EXPECT_EQ(read_mark(text, {"boot", 100 + kSettleSeconds}, "key"), TreeState::settled_now);
  EXPECT_EQ(read_mark(text, {"later boot", 5000}, "key"), TreeState::unfinished);
  EXPECT_EQ(read_mark(text + kSettledMark, {"later boot", 5}, "key"), TreeState::settled);
  EXPECT_EQ(read_mark(text + "settl", {"boot", 100}, "key"), TreeState::unfinished) << "cut short";
}

TEST(TreeMark, without_a_secret_none_counts) {
  const BootClock made{"boot", 100};
  EXPECT_EQ(read_mark(mark_text(made, ""), made, ""), TreeState::unfinished);
  EXPECT_EQ(read_mark(mark_text(made, "") + kSettledMark, made, ""), TreeState::unfinished);
}

TEST_F(Tree, under_a_lost_secret_is_a_miss) {
  {
    const auto store = open();
    put_plain_tree(*store, "0", chain_of("a"), "x");
    ASSERT_TRUE(store->find_tree("0", chain_of("a")));
  }
  write_file(path() / "secret", "cut short");
  const auto store = open();
  EXPECT_FALSE(store->find_tree("0", chain_of("a")));
  put_plain_tree(*store, "0", chain_of("a"), "x");
  EXPECT_TRUE(store->find_tree("0", chain_of("a")));
  EXPECT_EQ(store->secret().size(), kSecretBytes);
  EXPECT_EQ(open()->secret(), store->secret()) << "one for all who open the store";
}

TEST(TreeMark, damaged_text_is_unfinished) {
  for (const char* text : {"", "\n", "boot", "boot ", "boot \n", "boot x key\n", "boot 5 key",
                           "boot 5x key\n", "boot 5\n", "boot 5 other\n", "boot 5 other\nsettled\n",
                           "settled\n", "settled", "boot 99999999999999999999 key\n"}) {
    EXPECT_EQ(read_mark(text, {"boot", 10}, "key"), TreeState::unfinished) << text;
  }
}

TEST_F(Tree, used_late_in_its_boot_is_written_down_as_settled) {
  const auto store = open();
  put_plain_tree(*store, "0", chain_of("a"), "x");
  const std::string mark = store->tree_path("0", chain_of("a")) + ".used";
  const BootClock now = boot_clock();
  const std::string name = secret_name(store->secret());
  write_file(mark, mark_text({now.boot_id, now.seconds - kSettleSeconds}, name));
  EXPECT_TRUE(store->find_tree("0", chain_of("a")));
  std::string text;
  std::getline(std::ifstream(mark), text, '\0');
  EXPECT_EQ(read_mark(text, {"next boot", 1}, name), TreeState::settled);
}

TEST_F(Tree, put_by_many_threads_at_once_is_one) {
  const auto store = open();
  constexpr int kThreads = 6;
  constexpr int kTrees = 8;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < kTrees; ++i) {
          put_plain_tree(*store, "0", chain_of(cat("tree ", i)), cat("content ", i));
          EXPECT_EQ(text_of(*store->find_tree("0", chain_of(cat("tree ", i)))), cat("content ", i));
        }
      });
    }
  }
  EXPECT_EQ(names_in("trees/0").size(), 2U * kTrees);
  for (const std::string& own : names_in("ingest")) {
    EXPECT_THAT(names_in("ingest/" + own), ::testing::ElementsAre("lock"));
  }
}

}  // namespace
}  // namespace cooper::cache
