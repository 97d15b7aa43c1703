#include <gtest/gtest.h>

#include "tests/layers/copy_support.h"

namespace cooper::layers {
namespace {

TEST(PlaceLinks, COPY_14_under_the_links_name) {
  Context context;
  context.file("real", "bytes", 0600).link("name", "real").file("d/f").link("d/l", "nowhere");
  EXPECT_EQ(lines(Copy(context.tree(), {"name"}, "/x/").run()),
            "/x directory 755 0:0 now\n/x/name file 600 0:0 source 'bytes'\n");
  EXPECT_EQ(lines(Copy(context.tree(), {"d"}, "/x").run()),
            "/x directory 755 0:0 source\n/x/f file 644 0:0 source 'x'\n"
            "/x/l symlink 777 0:0 source -> nowhere\n");
}

TEST(PlaceLinks, COPY_16_destination_links) {
  Context context;
  context.file("f", "new").file("src/g");
  const std::vector<Item> below = {dir_item("data"),
                                   link_item("data/f", "/elsewhere"),
                                   dir_item("data/real"),
                                   link_item("dangling", "made/here"),
                                   link_item("deep", "data/real"),
                                   link_item("escape", "../../../../data"),
                                   link_item("file_link", "data/real/t"),
                                   file_item("data/real/t", "old"),
                                   link_item("to_data", "/data")};
  const struct {
    const char* source;
    const char* destination;
    const char* expected;
  } cases[] = {
      {"f", "/to_data/x", "/data /data/x"},
      {"f", "/to_data", "/data /data/f"},  // the link at the file's name is replaced
      {"f", "/to_data/", "/data /data/f"},
      {"f", "/data/f", "/elsewhere"},  // the destination itself is followed
      {"f", "/deep/", "/data /data/real /data/real/f"},
      {"f", "/escape/y", "/data /data/y"},
      {"f", "/dangling", "/made /made/here"},
      {"f", "/dangling/", "/made /made/here /made/here/f"},
      {"f", "/dangling/z", "/made /made/here /made/here/z"},
      {"f", "/file_link", "/data /data/real /data/real/t"},
      {"src", "/to_data", "/data /data/g"},
      {"src", "/dangling", "/made /made/here /made/here/g"},
  };
  for (const auto& c : cases) {
    Copy copy(context.tree(), {c.source}, c.destination);
    copy.below = below;
    const Layer layer = copy.run();
    EXPECT_EQ(names(layer), c.expected) << c.source << " to " << c.destination;
    for (const auto& [path, item] : layer) EXPECT_NE(item.entry.type, EntryType::symlink) << path;
  }
}

TEST(PlaceLinks, COPY_16_links_made_by_an_earlier_source) {
  Context context;
  context.link("links/l", "/target").file("f");
  Copy copy(context.tree(), {"links", "f"}, "/d/");
  copy.below = {dir_item("target")};
  EXPECT_EQ(names(copy.run()), "/d /d/f /d/l");
  std::vector<Selection> both = {select(context.tree(), request({"links"})),
                                 select(context.tree(), request({"f"}))};
  tests::MemoryBlobs blobs;
  LayerWriter writer(blobs, {Compression::none});
  PlaceOptions options;
  options.destination = "/d";
  write_copies(both, options, *empty_tree(), writer);
  EXPECT_EQ(names(read_layer(blobs, std::move(writer).finish())), "/d /d/f /d/l");
}

TEST(PlaceLinks, COPY_18_hard_links) {
  Context context;
  context.file("d/b", "same").hard("d/a", "d/b").hard("d/z/c", "d/b");
  EXPECT_EQ(lines(Copy(context.tree(), {"d"}, "/t").run()),
            "/t directory 755 0:0 source\n/t/a file 644 0:0 source 'same'\n"
            "/t/b hard link 644 0:0 source -> t/a\n/t/z directory 755 0:0 source\n"
            "/t/z/c hard link 644 0:0 source -> t/a\n");
}

TEST(PlaceLinks, COPY_18_a_replaced_leader_leaves_the_others_linked) {
  Context context;
  context.file("one/a", "same")
      .hard("one/b", "one/a")
      .hard("one/c", "one/a")
      .file("two/a", "other");
  const Layer layer = Copy(context.tree(), {"one", "two"}, "/t").run();
  EXPECT_EQ(line(layer.at("/t/a")), "/t/a file 644 0:0 source 'other'");
  EXPECT_EQ(line(layer.at("/t/b")), "/t/b file 644 0:0 source 'same'");
  EXPECT_EQ(line(layer.at("/t/c")), "/t/c hard link 644 0:0 source -> t/b");
}

}  // namespace
}  // namespace cooper::layers
