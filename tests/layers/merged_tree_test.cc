#include <map>
#include <random>

#include "tests/layers/layer_support.h"
#include "tests/support/tar_builder.h"

namespace cooper::layers {
namespace {

using tests::TarBuilder;

TablePtr table_of(const std::vector<Item>& items) {
  std::vector<Entry> entries;
  for (const Item& item : items) {
    entries.push_back(item.entry);
    if (item.entry.type == EntryType::file)
      entries.back().content = oci::ContentDigest{oci::sha256(item.content)};
  }
  return share(Table(std::move(entries)));
}

std::unique_ptr<Tree> merged(const std::vector<std::vector<Item>>& layers) {
  std::vector<LayerView> views;
  for (const auto& layer : layers) views.push_back({table_of(layer), std::nullopt});
  return merge_layers(std::move(views));
}

std::vector<std::string> names(const std::vector<Entry>& entries) {
  std::vector<std::string> found;
  for (const Entry& entry : entries) found.push_back(entry.path.str());
  return found;
}

using Names = std::vector<std::string>;

TEST(MergedTree, the_root_always_exists) {
  const auto tree = empty_tree();
  EXPECT_EQ(tree->find(TreePath())->type, EntryType::directory);
  EXPECT_EQ(tree->find(TreePath())->mode, 0755u);
  EXPECT_TRUE(tree->children(TreePath()).empty());
  EXPECT_FALSE(tree->find(at("x")));
}

TEST(MergedTree, upper_rows_replace_and_directories_merge) {
  const auto tree =
      merged({{dir_item("d", 0700), file_item("d/a", "old"), file_item("d/b", "b")},
              {dir_item("d", 0755), file_item("d/a", "newer"), file_item("d/c", "c")}});
  EXPECT_EQ(tree->find(at("d"))->mode, 0755u);
  EXPECT_EQ(tree->find(at("d/a"))->size_bytes, 5u);
  EXPECT_EQ(names(tree->children(at("d"))), (Names{"d/a", "d/b", "d/c"}));
}

TEST(MergedTree, whiteouts_hide_what_lies_below_and_beneath) {
  const auto tree =
      merged({{dir_item("d"), dir_item("d/e"), file_item("d/e/f", "f"), file_item("x", "x")},
              {dir_item("d"), whiteout_item("d/e"), whiteout_item("x")}});
  EXPECT_FALSE(tree->find(at("d/e")));
  EXPECT_FALSE(tree->find(at("d/e/f")));
  EXPECT_FALSE(tree->find(at("x")));
  EXPECT_EQ(names(tree->children(TreePath())), Names{"d"});
  EXPECT_TRUE(tree->children(at("d")).empty());
  EXPECT_TRUE(tree->children(at("d/e")).empty());
}

TEST(MergedTree, a_file_over_a_directory_hides_its_content_for_later_layers_too) {
  const auto tree = merged({{dir_item("d"), file_item("d/f", "f")},
                            {file_item("d", "now a file")},
                            {dir_item("d"), file_item("d/g", "g")}});
  EXPECT_FALSE(tree->find(at("d/f")));
  EXPECT_EQ(names(tree->children(at("d"))), Names{"d/g"});
}

TEST(MergedTree, opaque_directories_show_nothing_from_below) {
  const auto tree = merged(
      {{dir_item("d", 0700), file_item("d/f", "f"), dir_item("d/s"), file_item("d/s/t", "t")},
       {dir_item("d", 0755, true), file_item("d/g", "g")}});
  EXPECT_EQ(names(tree->children(at("d"))), Names{"d/g"});
  EXPECT_FALSE(tree->find(at("d/s/t")));
  EXPECT_FALSE(tree->find(at("d"))->opaque);
}

TEST(MergedTree, siblings_with_a_common_prefix_are_no_relatives) {
  const auto tree =
      merged({{dir_item("a"), file_item("a/x", ""), file_item("a.b", ""), file_item("ab", "")},
              {whiteout_item("a")}});
  EXPECT_EQ(names(tree->children(TreePath())), (Names{"a.b", "ab"}));
}

TEST(MergedTree, hard_links_are_files_that_name_their_first) {
  const auto tree =
      merged({{file_item("a", "data", 0600), hard_item("b", "a"), hard_item("c", "a")}});
  EXPECT_EQ(tree->find(at("a"))->link_target, "");
  for (const char* name : {"b", "c"}) {
    const Entry link = tree->find(at(name)).value();
    EXPECT_EQ(link.type, EntryType::file);
    EXPECT_EQ(link.mode, 0600u);
    EXPECT_EQ(link.size_bytes, 4u);
    EXPECT_EQ(link.link_target, "a");
    EXPECT_EQ(tree->content_of(link).digest, oci::ContentDigest{oci::sha256("data")});
  }
}

TEST(MergedTree, hard_links_outlive_their_first_name) {
  const auto tree = merged({{file_item("a", "data"), hard_item("b", "a"), hard_item("c", "a")},
                            {file_item("a", "other")}});
  EXPECT_EQ(tree->find(at("a"))->size_bytes, 5u);
  EXPECT_EQ(tree->find(at("b"))->link_target, "");
  EXPECT_EQ(tree->find(at("b"))->size_bytes, 4u);
  EXPECT_EQ(tree->find(at("c"))->link_target, "b");
}

TEST(MergedTree, tables_read_alone_settle_over_what_is_below) {
  // A merged /usr: the upper layer still says lib/x, and lists no directories.
  const Table upper = read_table(source_of(TarBuilder()
                                               .file("lib/new", "n")
                                               .file("opt/deep/er/f", "f")
                                               .file("lib/.wh.old", "")
                                               .hard_link("lib/kept2", "lib/kept")
                                               .finish()),
                                 {}, "upper");
  std::vector<LayerView> views;
  views.push_back(
      {table_of({dir_item("usr", 0711), dir_item("usr/lib", 0700), file_item("usr/lib/old", "o"),
                 file_item("usr/lib/kept", "k"), link_item("lib", "usr/lib")}),
       std::nullopt});
  views.push_back({share(upper), std::nullopt});
  const auto tree = merge_layers(std::move(views));
  EXPECT_EQ(tree->find(at("lib"))->type, EntryType::symlink);
  EXPECT_EQ(tree->find(at("usr"))->mode, 0711u);
  EXPECT_EQ(names(tree->children(at("usr/lib"))),
            (Names{"usr/lib/kept", "usr/lib/kept2", "usr/lib/new"}));
  EXPECT_EQ(tree->find(at("usr/lib/kept2"))->content, oci::ContentDigest{oci::sha256("k")});
  EXPECT_EQ(tree->find(at("opt/deep"))->type, EntryType::directory);
  EXPECT_EQ(tree->find(at("opt/deep"))->mode, 0755u);
}

TEST(MergedTree, open_reads_from_the_layer_that_has_the_file) {
  const TempDir lower = TempDir::in_host_tmp("cooper-test-");
  const TempDir upper = TempDir::in_host_tmp("cooper-test-");
  const auto nothing = empty_tree();
  std::vector<LayerView> views;
  const Table first = apply_layer(source_of(tar_of({dir_item(""), file_item("a", "low a"),
                                                    file_item("b", "low b"), hard_item("c", "b")})),
                                  lower.dir(), test_seal(), *nothing, {}, "lower");
  views.push_back({share(first), lower.dir().duplicate()});
  const auto below = merge_layers({{views[0].table, lower.dir().duplicate()}});
  const Table second = apply_layer(source_of(tar_of({dir_item(""), file_item("b", "up b")})),
                                   upper.dir(), test_seal(), *below, {}, "upper");
  views.push_back({share(second), upper.dir().duplicate()});
  const auto tree = merge_layers(std::move(views));
  EXPECT_EQ(read_content(*tree, "a"), "low a");
  EXPECT_EQ(read_content(*tree, "b"), "up b");
  EXPECT_EQ(read_content(*tree, "c"), "low b");
}

TEST(MergedTree, open_without_a_directory_is_not_found_but_empty_files_need_none) {
  const auto tree = merged({{dir_item("d"), file_item("empty", ""), file_item("full", "x")}});
  EXPECT_EQ(read_content(*tree, "empty"), "");
  expect_error(Errc::not_found, {"/full"}, [&] { read_content(*tree, "full"); });
  expect_error(Errc::not_found, {"/d"}, [&] { read_content(*tree, "d"); });
  expect_error(Errc::not_found, {"/absent"},
               [&] { (void)tree->open(file_item("absent", "").entry); });
}

TEST(MergedTree, many_layers) {
  std::vector<std::vector<Item>> layers;
  for (int i = 0; i < 60; ++i) {
    layers.push_back({dir_item("d"), file_item(cat("d/", i), "x")});
    if (i % 2 == 1) layers.back().push_back(whiteout_item(cat("d/", i - 1)));
  }
  for (auto& layer : layers) {
    std::sort(layer.begin(), layer.end(),
              [](const Item& a, const Item& b) { return a.entry.path < b.entry.path; });
  }
  EXPECT_EQ(merged(layers)->children(at("d")).size(), 30u);
}

// -- resolve --------------------------------------------------------------------------------------

std::unique_ptr<Tree> linked_tree() {
  return merged(
      {{dir_item("a"), dir_item("a/b"), file_item("a/b/f", ""), link_item("a/up", ".."),
        link_item("abs", "/a/b"), link_item("chain", "abs"), link_item("climb", "../../../a"),
        link_item("dangling", "a/none/x"), link_item("loop", "loop2"), link_item("loop2", "loop"),
        link_item("to_file", "a/b/f")}});
}

TEST(Resolve, follows_links_inside_the_tree) {
  const auto tree = linked_tree();
  const std::vector<std::pair<const char*, const char*>> cases = {{"a/b/f", "a/b/f"},
                                                                  {"abs/f", "a/b/f"},
                                                                  {"chain/f", "a/b/f"},
                                                                  {"a/up/a/b", "a/b"},
                                                                  {"climb/b", "a/b"},
                                                                  {"to_file", "a/b/f"},
                                                                  {"", ""},
                                                                  {"chain", "a/b"}};
  for (const auto& [path, expected] : cases) {
    EXPECT_EQ(resolve(*tree, at(path), true), at(expected)) << path;
  }
  EXPECT_EQ(resolve(*tree, at("chain"), false), at("chain"));
  EXPECT_EQ(resolve(*tree, at("climb/up"), false), at("a/up"))
      << "parents are followed all the same";
  for (const char* absent : {"none", "dangling", "a/b/f/x", "to_file/x", "a/none"}) {
    EXPECT_EQ(resolve(*tree, at(absent), true), std::nullopt) << absent;
  }
  EXPECT_EQ(resolve(*tree, at("dangling"), false), at("dangling"));
}

TEST(Resolve, loops_are_invalid) {
  const auto tree = linked_tree();
  expect_error(Errc::invalid, {"/loop/x", "symbolic links"},
               [&] { (void)resolve(*tree, at("loop/x"), true); });
  expect_error(Errc::invalid, {"/loop", "symbolic links"},
               [&] { (void)resolve_for_creation(*tree, at("loop")); });
  EXPECT_EQ(resolve(*tree, at("loop"), false), at("loop"));
}

TEST(Resolve, COPY_16_for_creation_a_dangling_links_target_is_the_place) {
  const auto tree = linked_tree();
  EXPECT_EQ(resolve_for_creation(*tree, at("dangling")), at("a/none/x"));
  EXPECT_EQ(resolve_for_creation(*tree, at("dangling/y/z")), at("a/none/x/y/z"));
  EXPECT_EQ(resolve_for_creation(*tree, at("chain/new")), at("a/b/new"));
  EXPECT_EQ(resolve_for_creation(*tree, at("new/er")), at("new/er"));
}

// A tree's first looks are answered layer by layer, later ones by an index of all rows.
TEST(MergedTree, single_looks_and_the_index_agree) {
  const auto seed = static_cast<std::uint32_t>(std::random_device()());
  SCOPED_TRACE(cat("seed ", seed));
  std::mt19937 random(seed);
  const auto pick = [&](std::size_t n) { return random() % n; };
  const std::vector<std::string> all = {"a",   "a/x",   "a/x/1", "a/x/2", "a/y", "b",
                                        "b/x", "b/x/1", "c",     "c/x",   "d"};
  for (int round = 0; round < 300; ++round) {
    std::vector<std::vector<Item>> layers(1 + pick(4));
    for (std::vector<Item>& layer : layers) {
      std::map<std::string, Item> rows;
      for (const std::string& name : all) {
        const std::size_t slash = name.rfind('/');
        const bool possible = slash == std::string::npos ||
                              (rows.contains(name.substr(0, slash)) &&
                               rows.at(name.substr(0, slash)).entry.type == EntryType::directory);
        if (!possible || pick(3) == 0) continue;
        const std::size_t kind = pick(6);
        rows.emplace(name, kind == 0   ? whiteout_item(name)
                           : kind == 1 ? file_item(name, "x")
                           : kind == 2
                               ? link_item(name, "to")
                               : dir_item(name, 0700 + static_cast<unsigned>(pick(64)), kind == 3));
      }
      for (auto& [name, item] : rows) layer.push_back(item);
      if (pick(2) == 0 && rows.contains("a") && rows.at("a").entry.type == EntryType::file) {
        layer.push_back(hard_item("e", "a"));
      }
    }
    const auto indexed = merged(layers);
    for (int i = 0; i < 100; ++i) indexed->find(at("a"));
    for (const std::string& name : all) {
      ASSERT_EQ(merged(layers)->find(at(name)), indexed->find(at(name)))
          << name << " in round " << round;
    }
    ASSERT_EQ(merged(layers)->find(at("e")), indexed->find(at("e")));
  }
}

}  // namespace
}  // namespace cooper::layers
