#include "layers/fold.h"

#include <map>
#include <random>

#include "tests/layers/layer_support.h"

namespace cooper::layers {
namespace {

Item owned(Item item, std::uint32_t uid) {
  item.entry.uid = uid;
  item.entry.gid = uid;
  return item;
}

// Layers as they would be published, bottom first.
class Fold : public testing::Test {
 protected:
  void layer(const std::vector<Item>& items, bool may_change = true) {
    written_.push_back(write_layer(blobs_, items));
    layers_.push_back({share(written_.back().table), may_change});
  }

  void fold() {
    folded_ = fold_metadata(layers_);
    ASSERT_EQ(folded_.size(), layers_.size());
    for (std::size_t i = 0; i < folded_.size(); ++i) {
      if (folded_[i].table) written_[i] = rewritten(i);
    }
  }

  WrittenLayer rewritten(std::size_t i) {
    LayerWriter writer(blobs_, {Compression::gzip});
    writer.keep_xattrs(true);
    rewrite_layer(blobs_.open_blob(written_[i].descriptor.digest), *folded_[i].table, "layer", writer);
    return std::move(writer).finish();
  }

  // What all show merged, as tars are read, in one line each.
  std::string merged() {
    std::vector<LayerView> views;
    for (const WrittenLayer& each : written_) {
      views.push_back({share(read_table(blobs_.open_blob(each.descriptor.digest), {}, "layer")), std::nullopt});
    }
    return tree_text(*merge_layers(std::move(views)), TreePath());
  }
  static std::string tree_text(const Tree& tree, const TreePath& directory) {
    std::string text;
    for (const Entry& entry : tree.children(directory)) {
      text += describe(entry);
      if (entry.content) text += " " + entry.content->str();
      text += "\n" + (entry.type == EntryType::directory ? tree_text(tree, entry.path) : std::string());
    }
    return text;
  }
  std::string names(std::size_t i) {
    const Table table = read_table(blobs_.open_blob(written_[i].descriptor.digest), {}, "layer");
    std::string text;
    for (const Entry& entry : table.entries()) {
      text += (text.empty() ? "" : " ") + entry.path.absolute() + (entry.type == EntryType::whiteout ? "(gone)" : "");
    }
    return text;
  }

  // Folds; expects what is merged to stay, and these names in each layer.
  void expect(const std::vector<std::string>& wanted) {
    const std::string before = merged();
    fold();
    EXPECT_EQ(merged(), before);
    ASSERT_EQ(wanted.size(), written_.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(names(i), wanted[i]) << "layer " << i;
  }

  tests::MemoryBlobs blobs_;
  std::vector<FoldLayer> layers_;
  std::vector<WrittenLayer> written_;
  std::vector<FoldedLayer> folded_;
};

TEST_F(Fold, owners_modes_times_and_attributes_move_to_the_bytes) {
  layer({dir_item("d"), file_item("d/a", "aaaa"), file_item("d/b", "bb"), link_item("d/l", "a")});
  Item capable = owned(file_item("d/a", "aaaa", 04755), 7);
  capable.entry.xattrs["security.capability"] = "cap";
  capable.entry.xattrs["user.x"] = "1";
  capable.entry.mtime = {1'700'000'000, 0};
  LayerWriter writer(blobs_, {Compression::none});
  writer.keep_xattrs(true);
  writer.add(owned(dir_item("d", 0700), 7).entry);
  MemorySource content("aaaa");
  writer.add(capable.entry, &content);
  writer.add(owned(link_item("d/l", "a"), 7).entry);
  written_.push_back(std::move(writer).finish());
  layers_.push_back({share(written_.back().table)});
  expect({"/d /d/a /d/b /d/l", ""});
  EXPECT_EQ(folded_[1].moved_bytes, 4U);
  const Table table = read_table(blobs_.open_blob(written_[0].descriptor.digest), {}, "layer");
  EXPECT_EQ(table.find(at("d/a"))->xattrs, capable.entry.xattrs);
  EXPECT_EQ(table.find(at("d/a"))->mtime.seconds, 1'700'000'000);
  EXPECT_EQ(table.find(at("d"))->mode, 0700U);
}

TEST_F(Fold, what_changed_stays_with_its_parents) {
  layer({dir_item("d"), file_item("d/a", "aaaa"), file_item("d/b", "bbbb"), dir_item("d/e"), file_item("d/e/c", "c")});
  layer({owned(dir_item("d"), 7), owned(file_item("d/a", "aaaa"), 7), owned(file_item("d/b", "BBBB"), 7),
         owned(dir_item("d/e"), 7), owned(file_item("d/e/c", "c"), 7), owned(file_item("d/new", "n"), 7)});
  expect({"/d /d/a /d/b /d/e /d/e/c", "/d /d/b /d/new"});
}

TEST_F(Fold, several_layers_and_steps_in_turn) {
  layer({dir_item("d"), file_item("d/a", "aaaa")});
  layer({dir_item("d"), file_item("d/b", "bbbb")});
  layer({owned(dir_item("d"), 7), owned(file_item("d/a", "aaaa"), 7), owned(file_item("d/b", "bbbb"), 7)});
  layer({owned(dir_item("d"), 8), owned(file_item("d/a", "aaaa", 0600), 8)});
  // The directory's last row is of the second layer by then, which is not written anew for it.
  expect({"/d /d/a", "/d /d/b", "", "/d"});
}

TEST_F(Fold, a_whiteout_an_opaque_directory_or_another_thing_between_ends_the_search) {
  layer({dir_item("d"), file_item("d/a", "aaaa"), dir_item("e"), file_item("e/a", "aaaa"), file_item("f", "ffff"),
         file_item("g", "gggg")});
  layer({whiteout_item("d"), dir_item("e", 0755, true), file_item("f", "other"), whiteout_item("g")});
  layer({dir_item("d"), owned(file_item("d/a", "aaaa"), 7), dir_item("e"), owned(file_item("e/a", "aaaa"), 7),
         owned(file_item("f", "ffff"), 7), owned(file_item("g", "gggg"), 7)});
  expect({"/d /d/a /e /e/a /f /g", "/d(gone) /e /f /g(gone)", "/d /d/a /e /e/a /f /g"});
}

TEST_F(Fold, a_directory_made_anew_hides_what_lies_below) {
  layer({dir_item("d"), file_item("d/a", "aaaa"), file_item("d/gone", "x")});
  layer({dir_item("d", 0755, true), owned(file_item("d/a", "aaaa"), 7)});
  expect({"/d /d/a /d/gone", "/d /d/a"});
}

TEST_F(Fold, names_of_one_file_stay_as_they_are) {
  layer({file_item("a", "aaaa"), hard_item("b", "a"), file_item("c", "cccc"), file_item("x", "xxxx")});
  // overlayfs copied a and b up one by one; c got a further name.
  layer({owned(file_item("a", "aaaa"), 7), owned(file_item("b", "aaaa"), 7), owned(file_item("c", "cccc"), 7),
         hard_item("d", "c"), owned(file_item("x", "xxxx"), 7)});
  expect({"/a /b /c /x", "/a /b /c /d"});
}

TEST_F(Fold, layers_that_may_not_change_do_not) {
  layer({file_item("a", "aaaa")}, false);
  layer({file_item("b", "bbbb")});
  layer({owned(file_item("a", "aaaa"), 7), owned(file_item("b", "bbbb"), 7)});
  layer({owned(file_item("b", "bbbb"), 8)}, false);
  expect({"/a", "/b", "/a", "/b"});
  EXPECT_FALSE(folded_[0].table);
  EXPECT_FALSE(folded_[3].table);
}

TEST_F(Fold, a_layer_is_not_written_anew_for_next_to_nothing) {
  layer({dir_item("d"), file_item("d/big", std::string(1000, 'b')), link_item("d/l", "small"),
         file_item("d/small", "123456789"), file_item("empty", "")});
  layer({dir_item("d", 0700), owned(link_item("d/l", "small"), 7), owned(file_item("empty", ""), 7)});
  layer({dir_item("d"), owned(file_item("d/small", "123456789"), 7)});
  expect({"/d /d/big /d/l /d/small /empty", "/d /d/l /empty", "/d /d/small"});
  for (const FoldedLayer& each : folded_) EXPECT_FALSE(each.table);
}

TEST_F(Fold, a_tar_that_lacks_a_file_or_has_another_is_refused) {
  layer({file_item("a", "aaaa"), file_item("b", "bbbb")});
  layer({owned(file_item("b", "bbbb"), 7)});
  folded_ = fold_metadata(layers_);
  LayerWriter lacking(blobs_, {Compression::none});
  expect_error(Errc::corrupt, {"no file /a"}, [&] {
    rewrite_layer(std::make_unique<MemorySource>(tar_of({file_item("b", "bbbb")})), *folded_[0].table, "layer", lacking);
  });
  LayerWriter other(blobs_, {Compression::none});
  expect_error(Errc::io, {"/b"}, [&] {
    rewrite_layer(std::make_unique<MemorySource>(tar_of({file_item("a", "aaaa"), file_item("b", "BBBB")})),
                  *folded_[0].table, "layer", other);
  });
}

// Random stacks of few names and few contents, so that everything meets everything.
class RandomStack {
 public:
  explicit RandomStack(std::uint32_t seed) : random_(seed) {}

  std::vector<Item> layer(bool first) {
    std::map<TreePath, Item> items;
    for (int i = 0; i < 8; ++i) add(items, first);
    std::vector<Item> list;
    for (auto& [path, item] : items) list.push_back(std::move(item));
    return list;
  }

 private:
  std::uint32_t below(std::uint32_t limit) { return std::uniform_int_distribution<std::uint32_t>(0, limit - 1)(random_); }

  void add(std::map<TreePath, Item>& items, bool first) {
    TreePath path;
    for (std::uint32_t depth = below(3) + 1; depth > 0; --depth) {
      if (!path.is_root()) {
        const auto parent = items.find(path);
        if (parent != items.end() && parent->second.entry.type != EntryType::directory) return;
        if (parent == items.end()) items.emplace(path, any(dir_item(path.str(), 0755, !first && below(8) == 0)));
      }
      path = path.child(std::string(1, static_cast<char>('a' + below(3))));
    }
    if (items.contains(path)) return;
    switch (below(first ? 5 : 6)) {
      case 0: items.emplace(path, any(dir_item(path.str()))); break;
      case 1: items.emplace(path, any(link_item(path.str(), below(2) == 0 ? "x" : "y"))); break;
      case 2: {
        const auto leader = items.begin();
        const bool fits = leader != items.end() && leader->second.entry.type == EntryType::file && leader->first < path;
        if (fits) items.emplace(path, hard_item(path.str(), leader->first.str()));
        break;
      }
      case 5: items.emplace(path, whiteout_item(path.str())); break;
      default: items.emplace(path, any(file_item(path.str(), below(2) == 0 ? "one" : "two")));
    }
  }
  Item any(Item item) {
    item.entry.mode = below(2) == 0 ? 0755 : 0700;
    return owned(std::move(item), below(3));
  }

  std::mt19937 random_;
};

TEST_F(Fold, a_thousand_random_stacks_show_the_same_merged) {
  std::uint64_t moved = 0;
  for (std::uint32_t seed = 1; seed <= 1000; ++seed) {
    layers_.clear();
    written_.clear();
    RandomStack stack(seed);
    for (int i = 0; i < 4; ++i) layer(stack.layer(i == 0), seed % 7 != 0 || i != 1);
    const std::string before = merged();
    fold();
    ASSERT_EQ(merged(), before) << "seed " << seed;
    for (const FoldedLayer& each : folded_) moved += each.moved_bytes;
  }
  EXPECT_GT(moved, 300U);
}

}  // namespace
}  // namespace cooper::layers
