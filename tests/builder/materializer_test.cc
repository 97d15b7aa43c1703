#include "builder/materializer.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "builder/sources/source_store.h"
#include "layers/layer_writer.h"
#include "tests/builder/store_fixture.h"

namespace cooper::builder {
namespace {

layers::Entry file(const std::string& name, const std::string& content) {
  layers::Entry entry;
  entry.path = TreePath::clean(name);
  entry.mode = 0644;
  entry.size_bytes = content.size();
  return entry;
}

layers::Entry whiteout(const std::string& name) {
  layers::Entry entry;
  entry.path = TreePath::clean(name);
  entry.type = layers::EntryType::whiteout;
  return entry;
}

layers::Entry directory(const std::string& name, unsigned mode) {
  layers::Entry entry;
  entry.path = TreePath::clean(name);
  entry.type = layers::EntryType::directory;
  entry.mode = mode;
  return entry;
}

class MaterializerTest : public StoreTest {
 protected:
  // A layer that only the fetcher has.
  PlannedLayer far_layer(const std::vector<std::pair<layers::Entry, std::string>>& rows) {
    layers::LayerWriter writer(fetcher_.elsewhere, {});
    for (const auto& [entry, content] : rows) {
      MemorySource source(content);
      writer.add(entry, entry.type == layers::EntryType::file ? &source : nullptr);
    }
    const layers::WrittenLayer written = std::move(writer).finish();
    return {written.descriptor, written.diff_id};
  }

  Materializer materializer_{*store_, fetcher_};
};

TEST_F(MaterializerTest, a_table_fetches_its_layer_once_for_all_builds) {
  const PlannedLayer layer = far_layer({{file("a", "1"), "1"}});
  EXPECT_EQ(materializer_.table(layer)->entries().size(), 1U);
  EXPECT_EQ(materializer_.table(layer), materializer_.table(layer));
  EXPECT_EQ(fetcher_.fetched.size(), 1U);

  FakeFetcher nobody(*store_);  // has nothing
  Materializer next_build(*store_, nobody);
  EXPECT_EQ(next_build.table(layer)->serialize(), materializer_.table(layer)->serialize());
  EXPECT_TRUE(nobody.fetched.empty());
}

TEST_F(MaterializerTest, a_layer_that_nobody_has_is_not_found) {
  try {
    materializer_.table(made_up_layer("x"));
    FAIL() << "made a table of nothing";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::not_found);
  }
}

TEST_F(MaterializerTest, metadata_merges_the_stack) {
  LayerStack stack;
  stack.push(far_layer({{file("a", "1"), "1"}, {file("b", "22"), "22"}}));
  stack.push(far_layer({{whiteout("a"), ""}, {file("b", "333"), "333"}}));
  const auto tree = materializer_.metadata(stack);
  EXPECT_FALSE(tree->find(TreePath::clean("a")));
  const auto b = tree->find(TreePath::clean("b"));
  ASSERT_TRUE(b);
  EXPECT_EQ(b->size_bytes, 3U);
  EXPECT_EQ(tree->content_of(*b).digest.value, oci::sha256(std::string_view("333")));
  EXPECT_THROW(tree->open(*b), Error);
  EXPECT_TRUE(materializer_.metadata(LayerStack())->children(TreePath()).empty());
}

TEST_F(MaterializerTest, a_remembered_table_needs_no_blob) {
  const PlannedLayer layer = made_up_layer("made here");
  layers::Entry entry = file("a", "1");
  entry.content = {oci::sha256(std::string_view("1"))};
  materializer_.remember_table(layer, layers::Table({entry}));
  EXPECT_EQ(materializer_.table(layer)->entries().size(), 1U);
  EXPECT_EQ(Materializer(*store_, fetcher_).table(layer)->entries().size(), 1U);
  EXPECT_TRUE(fetcher_.fetched.empty());
}

// What a layer leaves unsaid is as it is below, whatever it was first unpacked upon.
TEST_F(MaterializerTest, one_layer_upon_two_bases) {
  const PlannedLayer shared = far_layer({{file("d/f", "1"), "1"}});
  const LayerStack first({far_layer({{directory("d", 0700), ""}}), shared});
  const LayerStack second({far_layer({{directory("d", 0755), ""}}), shared});
  materializer_.set_mapping("0");
  EXPECT_EQ(materializer_.files(first, {})->find(TreePath::clean("d"))->mode, 0700U);
  EXPECT_EQ(materializer_.metadata(second)->find(TreePath::clean("d"))->mode, 0755U);
  EXPECT_EQ(Materializer(*store_, fetcher_).metadata(second)->find(TreePath::clean("d"))->mode,
            0755U);
}

// Marks of removed files do not disturb readers; overlays can't do without.
TEST_F(MaterializerTest, readers_take_the_trees_of_overlays_but_not_the_other_way_round) {
  const LayerStack stack({far_layer({{file("a", "1"), "1"}, {file("b", "1"), "1"}}),
                          far_layer({{whiteout("a"), ""}})});
  const auto trees_after = [&](layers::Hiding hiding) {
    Materializer materializer(*store_, fetcher_);
    materializer.set_mapping("0", hiding);
    EXPECT_EQ(materializer.files(stack, {})->children(TreePath()).size(), 1U);
    return std::ranges::count(store_->usage().entries, cache::StoreEntry::Kind::tree,
                              &cache::StoreEntry::kind);
  };
  EXPECT_EQ(trees_after(layers::Hiding::left_out), 2);
  EXPECT_EQ(trees_after(layers::Hiding::marked), 4);
  EXPECT_EQ(trees_after(layers::Hiding::named), 6);
  for (const layers::Hiding marks : {layers::Hiding::marked, layers::Hiding::named}) {
    store_->prune({.all = true});
    EXPECT_EQ(trees_after(marks), 2);
    EXPECT_EQ(trees_after(layers::Hiding::left_out), 2);
  }
}

// An image may claim the diffID of another's layer: it must neither answer for that one nor be
// answered by it.
TEST_F(MaterializerTest, a_claimed_diffID_counts_only_once_the_blob_was_seen_to_have_it) {
  const PlannedLayer honest = far_layer({{file("a", "1"), "1"}});
  PlannedLayer liar = far_layer({{file("b", "22"), "22"}});
  liar.diff_id = honest.diff_id;
  const auto refused = [](auto use) {
    try {
      use();
    } catch (const Error& error) {
      return error.code() == Errc::corrupt;
    }
    return false;
  };
  materializer_.set_mapping("0");
  EXPECT_TRUE(refused([&] { materializer_.table(liar); }));
  EXPECT_FALSE(store_->open_table(honest.diff_id));
  EXPECT_TRUE(refused([&] { materializer_.files(LayerStack({liar}), {}); }));
  EXPECT_EQ(materializer_.files(LayerStack({honest}), {})->children(TreePath()).size(), 1U);
  Materializer next_build(*store_, fetcher_);
  next_build.set_mapping("0");
  for (Materializer* materializer : {&materializer_, &next_build}) {
    EXPECT_TRUE(refused([&] { materializer->confirm(LayerStack({liar})); }));
    EXPECT_TRUE(refused([&] { materializer->table(liar); }));
    EXPECT_TRUE(refused([&] { materializer->metadata(LayerStack({liar})); }));
    EXPECT_TRUE(refused([&] { materializer->lower_paths(LayerStack({liar}), {}); }));
    materializer->confirm(LayerStack({honest}));
  }
}

// FROM scratch, COPY . / of a context from elsewhere: the image's layer is the context's.
TEST_F(MaterializerTest,
       CTX_05_a_source_is_read_in_place_after_its_layer_was_unpacked_for_an_image) {
  const LayerStack source({SourceStore(*store_).make("context", [](layers::LayerWriter& writer) {
    MemorySource content("1");
    writer.add(file("a", "1"), &content);
  })});
  const auto read = [&](Materializer& materializer) {
    const auto tree = materializer.packed(source);
    return read_all(*tree->open(*tree->find(TreePath::clean("a"))), 10, "a");
  };
  materializer_.set_mapping("0");
  EXPECT_EQ(materializer_.files(source, {})->children(TreePath()).size(), 1U);
  EXPECT_EQ(read(materializer_), "1");
  Materializer next_build(*store_, fetcher_);
  EXPECT_EQ(read(next_build), "1");
}

TEST(LayerStack, chains_name_every_prefix) {
  LayerStack stack;
  EXPECT_EQ(stack.chain(), std::nullopt);
  const PlannedLayer one = made_up_layer("1");
  const PlannedLayer two = made_up_layer("2");
  stack.push(one);
  EXPECT_EQ(stack.chain()->value, one.diff_id.value);  // image-spec config.md, "Layer ChainID"
  stack.push(two);
  EXPECT_EQ(stack.chain(), oci::chain_id(stack.chains()[0], two.diff_id));
  EXPECT_EQ(LayerStack({one, two}).chains(), stack.chains());
  EXPECT_NE(LayerStack({two, one}).chain(), stack.chain());
}

}  // namespace
}  // namespace cooper::builder
