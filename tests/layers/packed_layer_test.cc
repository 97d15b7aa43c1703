#include "layers/packed_layer.h"

#include <gtest/gtest.h>

#include <fcntl.h>

#include "layers/apply.h"
#include "layers/tree_layer.h"
#include "tests/layers/copy_support.h"
#include "tests/support/tar_builder.h"

namespace cooper::layers {
namespace {

// A layer of everything in a context, its tar in a file.
struct PackedContext {
  explicit PackedContext(const Context& context, const TreeLayerOptions& options = {}) {
    LayerWriter writer(blobs, {Compression::none});
    write_tree_layer(*context.tree(), options, writer);
    layer = std::move(writer).finish();
    table = std::make_shared<const Table>(layer.table);
    content = blobs.content(layer.descriptor.digest);
  }
  std::unique_ptr<Tree> tree() const {
    const UniqueFd file = home.dir().open_file(TreePath::clean("tar"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    FdSink(file.get(), "tar").write(as_bytes(content));
    LayerView view{table, std::nullopt};
    view.open = open_packed(table, home.dir().open_file(TreePath::clean("tar"), O_RDONLY), "packed");
    return merge_layers({view});
  }
  std::string text(const std::string& path) const {
    const auto files = tree();
    return read_all(*files->open(files->find(TreePath::clean(path)).value()), 1 << 20, path);
  }

  TempDir home = TempDir::in_host_tmp("cooper-packed-test-");
  tests::MemoryBlobs blobs;
  WrittenLayer layer;
  TablePtr table;
  std::string content;
};

TEST(PackedLayer, files_are_read_where_they_lie) {
  Context context;
  context.file("a", "first").file("d/empty", "").file("d/x", std::string(1000, 'x')).link("l", "a");
  context.file(std::string(90, 'n') + "/" + std::string(120, 'm'), "long");  // with an extended header
  context.file("z", "last").hard("zz", "a");
  const PackedContext packed(context);
  EXPECT_EQ(packed.text("a"), "first");
  EXPECT_EQ(packed.text("d/empty"), "");
  EXPECT_EQ(packed.text("d/x"), std::string(1000, 'x'));
  EXPECT_EQ(packed.text(std::string(90, 'n') + "/" + std::string(120, 'm')), "long");
  EXPECT_EQ(packed.text("z"), "last");
  EXPECT_EQ(packed.text("zz"), "first");
}

TEST(PackedLayer, a_table_read_again_from_the_tar_serves_too) {
  Context context;
  context.file("a", "first").file("d/e/x", "second");
  PackedContext packed(context);
  packed.table = std::make_shared<const Table>(
      read_table(std::make_unique<MemorySource>(packed.content), {}, "again"));
  EXPECT_EQ(packed.text("a"), "first");
  EXPECT_EQ(packed.text("d/e/x"), "second");
}

TEST(PackedLayer, ADD_05_files_are_read_out_of_blobs_that_nobody_unpacked) {
  Context context;
  context.file("a", "first").file("d/e/x", "second").hard("d/link", "a");
  PackedContext packed(context);
  const auto text = [&](const std::string& path) {
    LayerView view{packed.table, std::nullopt};
    view.open = open_in_blob([&] { return std::make_unique<MemorySource>(packed.content); }, "blob");
    const auto files = merge_layers({view});
    return read_all(*files->open(files->find(TreePath::clean(path)).value()), 1 << 20, path);
  };
  EXPECT_EQ(text("d/e/x"), "second");
  EXPECT_EQ(text("a"), "first");
  EXPECT_EQ(text("d/link"), "first");
  packed.content.replace(packed.content.find("second"), 6, "SECOND");
  expect_error(Errc::corrupt, {"blob", "/d/e/x"}, [&] { text("d/e/x"); });
}

// Of members of one name the last counts, and the first name of a link may be another file by then.
TEST(PackedLayer, ADD_05_files_of_foreign_layers_are_found_by_their_digest) {
  const std::string tar = tests::TarBuilder()
                              .file("f", "one")
                              .file("f", "two")
                              .hard_link("link", "f")
                              .file("f", "three")
                              .finish();
  LayerView view{std::make_shared<const Table>(
                     read_table(std::make_unique<MemorySource>(tar), {}, "foreign")),
                 std::nullopt};
  view.open = open_in_blob([&] { return std::make_unique<MemorySource>(tar); }, "foreign");
  const auto files = merge_layers({view});
  const auto text = [&](const std::string& path) {
    return read_all(*files->open(files->find(TreePath::clean(path)).value()), 1 << 20, path);
  };
  EXPECT_EQ(text("f"), "three");
  EXPECT_EQ(text("link"), "two");
}

TEST(PackedLayer, other_bytes_are_refused) {
  Context context;
  context.file("a", "first").file("b", "second");
  PackedContext packed(context);
  packed.content.replace(packed.content.find("second"), 6, "SECOND");
  EXPECT_EQ(packed.text("a"), "first");
  expect_error(Errc::corrupt, {"packed", "/b"}, [&] { packed.text("b"); });
  packed.content.resize(packed.content.find("SECOND") + 2);
  expect_error(Errc::corrupt, {"packed"}, [&] { packed.text("b"); });
}

TEST(TreeLayer, the_root_counts_names_are_left_out_and_metadata_is_amended) {
  Context context;
  context.file("keep/a", "1", 0600).file("keep/.git/x").file(".git").link("l", "keep");
  TreeLayerOptions options;
  options.leave_out = [](const TreePath& path) { return path.name() == ".git"; };
  options.amend = [](Entry& entry) {
    entry.mtime = {5, 0};
    entry.uid = 7;
  };
  const PackedContext packed(context, options);
  std::string names;
  for (const Entry& entry : packed.table->entries()) {
    names += entry.path.absolute() + " ";
    EXPECT_EQ(entry.mtime.seconds, 5);
    EXPECT_EQ(entry.uid, 7U);
  }
  EXPECT_EQ(names, "/ /keep /keep/a /l ");
}

}  // namespace
}  // namespace cooper::layers
