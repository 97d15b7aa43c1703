#include <gtest/gtest.h>

#include "tests/layers/layer_support.h"

namespace cooper::layers {
namespace {

std::unique_ptr<Tree> tree_of(const std::vector<Item>& items) {
  std::vector<Entry> entries;
  for (const Item& item : items) entries.push_back(item.entry);
  std::vector<LayerView> layers;
  layers.push_back({share(Table(std::move(entries))), std::nullopt});
  return merge_layers(std::move(layers));
}

struct ResolveCase {
  const char* path;
  const char* followed;  // "-": absent
  const char* kept_last;
  const char* creation;
};

TEST(Resolve, COPY_14_15_16_links) {
  const auto tree = tree_of(
      {dir_item("dir"), link_item("dir/up", "../dir"), file_item("dir/file", "x"),
       link_item("abs", "/dir"), link_item("climb", "../../../dir"),
       link_item("dangling", "dir/none/deep"), link_item("dot", "./dir/."),
       link_item("self_file", "dir/file"), link_item("chain", "abs"), link_item("empty_up", "..")});
  const ResolveCase cases[] = {
      {"", "", "", ""},
      {"dir/file", "dir/file", "dir/file", "dir/file"},
      {"abs", "dir", "abs", "dir"},
      {"abs/file", "dir/file", "dir/file", "dir/file"},
      {"chain/file", "dir/file", "dir/file", "dir/file"},
      {"climb/file", "dir/file", "dir/file", "dir/file"},
      {"dot/file", "dir/file", "dir/file", "dir/file"},
      {"dir/up/up/up/file", "dir/file", "dir/file", "dir/file"},
      {"self_file", "dir/file", "self_file", "dir/file"},
      {"self_file/x", "-", "-", "dir/file/x"},
      {"empty_up/dir", "dir", "dir", "dir"},
      {"none", "-", "-", "none"},
      {"none/deeper", "-", "-", "none/deeper"},
      {"dangling", "-", "dangling", "dir/none/deep"},
      {"dangling/x", "-", "-", "dir/none/deep/x"},
  };
  for (const ResolveCase& c : cases) {
    const auto followed = resolve(*tree, at(c.path), true);
    const auto kept = resolve(*tree, at(c.path), false);
    EXPECT_EQ(followed ? followed->str() : "-", c.followed) << c.path;
    EXPECT_EQ(kept ? kept->str() : "-", c.kept_last) << c.path;
    EXPECT_EQ(resolve_for_creation(*tree, at(c.path)).str(), c.creation) << c.path;
  }
}

TEST(Resolve, dot_dot_comes_back_from_what_does_not_exist) {
  const auto tree =
      tree_of({dir_item("dir"), link_item("dir/in", "/none/../dir/there"), link_item("l", "/dir")});
  EXPECT_EQ(resolve_for_creation(*tree, at("dir/in")).str(), "dir/there");
  EXPECT_EQ(resolve_for_creation(*tree, at("l/new")).str(), "dir/new");
  EXPECT_FALSE(resolve(*tree, at("dir/in"), true));
}

TEST(Resolve, COPY_15_loops_and_long_chains) {
  std::vector<Item> items = {link_item("loop", "loop"), file_item("end", "x")};
  for (int i = 0; i < 60; ++i) {
    items.push_back(link_item(cat("c", i), i == 0 ? "end" : cat("c", i - 1)));
  }
  const auto tree = tree_of(items);
  EXPECT_EQ(resolve(*tree, at("c39"), true), at("end"));  // 40 hops
  for (const char* path : {"loop", "loop/x", "c40", "c59"}) {
    expect_error(Errc::invalid, {path, "too many levels"},
                 [&] { static_cast<void>(resolve(*tree, at(path), true)); });
    expect_error(Errc::invalid, {path, "too many levels"},
                 [&] { static_cast<void>(resolve_for_creation(*tree, at(path))); });
  }
  EXPECT_EQ(resolve(*tree, at("loop"), false), at("loop"));
}

}  // namespace
}  // namespace cooper::layers
