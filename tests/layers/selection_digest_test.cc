#include <gtest/gtest.h>

#include <sys/stat.h>

#include "tests/layers/copy_support.h"

namespace cooper::layers {
namespace {

oci::ContentDigest digest(const std::shared_ptr<const Tree>& tree, const std::string& pattern,
                          int threads = 2) {
  return selection_digest(select(tree, request({pattern})), threads);
}

TEST(SelectionDigest, CACHE_04_mtime_and_inode_are_out) {
  Context one;
  Context two;
  one.file("other").file("d/a", "bytes").link("d/l", "a").file("d/s/b", "more");
  two.file("d/s/b", "more").file("d/a", "bytes").link("d/l", "a");
  two.touch("d/a", {1, 2}).touch("d", {3, 4});
  EXPECT_EQ(digest(one.tree(), "d"), digest(two.tree(), "d"));
}

// Every change that must bust, each against the same start.
TEST(SelectionDigest, CACHE_03_04_05_what_counts) {
  const std::vector<Item> start = {dir_item("d"), file_item("d/a", "bytes"), link_item("d/l", "a"),
                                   device_item("d/z", EntryType::char_device, 1, 2)};
  const auto base = digest(item_tree(start), "d");
  EXPECT_EQ(digest(item_tree(start), "d"), base);
  const struct {
    const char* what;
    std::function<void(std::vector<Item>&)> change;
  } cases[] = {
      {"bytes", [](auto& items) { items[1].content = "Bytes"; }},
      {"size", [](auto& items) { items[1] = file_item("d/a", "bytes!"); }},
      {"name", [](auto& items) { items[1].entry.path = at("d/b"); }},
      {"file mode", [](auto& items) { items[1].entry.mode = 0755; }},
      {"set-id", [](auto& items) { items[1].entry.mode = 04644; }},
      {"uid", [](auto& items) { items[1].entry.uid = 1; }},
      {"gid", [](auto& items) { items[1].entry.gid = 1; }},
      {"capability", [](auto& items) { items[1].entry.xattrs["security.capability"] = "x"; }},
      {"link target", [](auto& items) { items[2].entry.link_target = "b"; }},
      {"device number", [](auto& items) { items[3].entry.device_minor = 3; }},
      {"device type", [](auto& items) { items[3].entry.type = EntryType::block_device; }},
      {"type", [](auto& items) { items[2] = file_item("d/l", "a"); }},
      {"one more", [](auto& items) { items.insert(items.begin() + 1, dir_item("d/0")); }},
      {"one less", [](auto& items) { items.erase(items.begin() + 2); }},
      {"hard link", [](auto& items) { items.insert(items.begin() + 2, hard_item("d/b", "d/a")); }},
  };
  for (const auto& c : cases) {
    std::vector<Item> items = start;
    c.change(items);
    EXPECT_NE(digest(item_tree(items), "d"), base) << c.what;
  }
  std::vector<Item> twins = start;
  twins.insert(twins.begin() + 2, file_item("d/b", "bytes"));
  std::vector<Item> linked = start;
  linked.insert(linked.begin() + 2, hard_item("d/b", "d/a"));
  EXPECT_NE(digest(item_tree(twins), "d"), digest(item_tree(linked), "d"));
}

TEST(SelectionDigest, CACHE_05_a_renamed_literal_source_busts) {
  Context context;
  context.file("a", "same").file("b", "same");
  EXPECT_NE(digest(context.tree(), "a"), digest(context.tree(), "b"));
}

TEST(SelectionDigest, CACHE_05_wildcards_see_only_matches) {
  Context context;
  context.file("a.txt", "1").file("other", "1");
  const auto before = digest(context.tree(), "*.txt");
  context.file("other", "2").file("third", "3");
  EXPECT_EQ(digest(context.tree(), "*.txt"), before);
  context.file("b.txt", "");
  EXPECT_NE(digest(context.tree(), "*.txt"), before);
}

TEST(SelectionDigest, COPY_04_the_top_directory_itself_is_out) {
  Context context;
  context.file("one/a").file("two/a");
  context.dir("two", 0700);
  EXPECT_EQ(digest(context.tree(), "one"), digest(context.tree(), "two"));
}

TEST(SelectionDigest, COPY_32_implied_directories_count) {
  Context context;
  context.file("d/a/f");
  CopyRequest plain = request({"d"});
  CopyRequest excluding = request({"d"});
  excluding.exclude = filter({"a", "!a/f"});
  EXPECT_NE(selection_digest(select(context.tree(), plain)),
            selection_digest(select(context.tree(), excluding)));
}

TEST(SelectionDigest, many_files_give_one_digest_for_any_number_of_threads) {
  Context context;
  for (int i = 0; i < 300; ++i) context.file("d/" + std::to_string(i), std::to_string(i * i));
  const auto one = digest(context.tree(), "d", 1);
  for (const int threads : {2, 3, 8}) EXPECT_EQ(digest(context.tree(), "d", threads), one);
}

TEST(SelectionDigest, what_was_read_is_noted) {
  Context context;
  context.file("d/a", "1").file("b", "2");
  Selection selection = select(context.tree(), request({"d", "b"}));
  selection_digest(selection);
  EXPECT_EQ(selection.sources[0].beneath.entries[0].content, oci::ContentDigest{oci::sha256("1")});
  EXPECT_EQ(selection.sources[1].top.content, oci::ContentDigest{oci::sha256("2")});
}

TEST(SelectionDigest, the_first_failure_is_told_for_any_number_of_threads) {
  Context context;
  // So many in one directory that a walk leaves their bytes alone.
  for (int i = 1000; i < 2100; ++i) context.file("d/" + std::to_string(i), "x");
  for (const int threads : {1, 4}) {
    const Selection selection = select(context.tree(), request({"d"}));
    context.touch("d/1150", {7, threads == 1 ? 1U : 2U})
        .touch("d/1250", {7, threads == 1 ? 1U : 2U});
    expect_error(Errc::io, {"d/1150", "changed"}, [&] { selection_digest(selection, threads); });
  }
}

}  // namespace
}  // namespace cooper::layers
