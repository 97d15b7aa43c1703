#include <gtest/gtest.h>

#include "tests/layers/copy_support.h"
#include "tests/support/tar_builder.h"

namespace cooper::layers {
namespace {

TEST(Place, COPY_05_file_names) {
  Context context;
  context.file("f.txt", "new");
  const std::vector<Item> below = {dir_item("dir"), file_item("dir/f.txt", "old"),
                                   file_item("file", "old"), dir_item("home")};
  const struct {
    const char* destination;
    const char* path;
  } cases[] = {{"/", "/f.txt"},
               {"/dir", "/dir /dir/f.txt"},
               {"/dir/", "/dir /dir/f.txt"},
               {"/file", "/file"},
               {"/new", "/new"},
               {"/new/", "/new /new/f.txt"},
               {"/dir/new", "/dir /dir/new"},
               {"/x/y/z", "/x /x/y /x/y/z"},
               {"/x/y/", "/x /x/y /x/y/f.txt"},
               {"/home/../dir/./q", "/dir /dir/q"}};
  for (const auto& c : cases) {
    Copy copy(context.tree(), {"f.txt"}, c.destination);
    copy.below = below;
    EXPECT_EQ(names(copy.run()), c.path) << c.destination;
  }
}

TEST(Place, COPY_06_made_parents) {
  Context context;
  context.file("f", "x", 0640);
  Copy copy(context.tree(), {"f"}, "/a/b/f");
  EXPECT_EQ(
      lines(copy.run()),
      "/a directory 755 0:0 now\n/a/b directory 755 0:0 now\n/a/b/f file 640 0:0 source 'x'\n");
  copy.options.chown = Owner{7, 8};
  EXPECT_EQ(
      lines(copy.run()),
      "/a directory 755 7:8 now\n/a/b directory 755 7:8 now\n/a/b/f file 640 7:8 source 'x'\n");
  copy.options.chmod = ModeChange::parse("1700");
  EXPECT_EQ(
      lines(copy.run()),
      "/a directory 1700 7:8 now\n/a/b directory 1700 7:8 now\n/a/b/f file 1700 7:8 source 'x'\n");
  copy.options.chmod = ModeChange::parse("a+x");
  EXPECT_EQ(
      lines(copy.run()),
      "/a directory 755 7:8 now\n/a/b directory 755 7:8 now\n/a/b/f file 751 7:8 source 'x'\n");
}

TEST(Place, existing_parents_are_written_as_they_are_below) {
  Context context;
  context.file("f");
  Copy copy(context.tree(), {"f"}, "/a/b/");
  Item a = dir_item("a", 01750);
  a.entry.uid = 3;
  a.entry.gid = 4;
  a.entry.opaque = true;  // of the layer that made it; nothing of ours
  copy.below = {a, dir_item("a/b", 0700), file_item("a/other", "x"), dir_item("z")};
  copy.options.chown = Owner{9, 9};
  copy.options.chmod = ModeChange::parse("777");
  EXPECT_EQ(lines(copy.run()),
            "/a directory 1750 3:4 below\n/a/b directory 700 0:0 below\n/a/b/f file 777 9:9 source "
            "'x'\n");
}

TEST(Place, COPY_07_directory_to_a_new_path) {
  Context context;
  context.file("src/sub/f", "1").dir("src", 0711).dir("src/sub", 02770);
  Copy copy(context.tree(), {"src"}, "/new");
  EXPECT_EQ(lines(copy.run()),
            "/new directory 755 0:0 source\n/new/sub directory 2770 0:0 source\n"
            "/new/sub/f file 644 0:0 source '1'\n");
  copy.options.chown = Owner{5, 6};
  EXPECT_EQ(lines(copy.run()),
            "/new directory 755 5:6 source\n/new/sub directory 2770 5:6 source\n"
            "/new/sub/f file 644 5:6 source '1'\n");
}

// Layers need not say anything of their root.
TEST(Place, COPY_07_a_root_without_a_time_gives_none) {
  std::vector<LayerView> layers;
  layers.push_back({share(Table({dir_item("d").entry})), std::nullopt});
  EXPECT_EQ(lines(Copy(merge_layers(std::move(layers)), {"/"}, "/new").run()),
            "/new directory 755 0:0 now\n/new/d directory 755 0:0 below\n");
}

TEST(Place, COPY_08_directory_onto_a_directory) {
  Context context;
  context.file("src/same", "new").file("src/both/f", "1").file("src/src_only/g", "2");
  context.dir("src/both", 0711);
  Item top = dir_item("d", 0700);
  top.entry.uid = 42;
  Item both = dir_item("d/both", 0777);
  both.entry.uid = 43;
  Copy copy(context.tree(), {"src"}, "/d");
  copy.below = {top, both, file_item("d/both/unmatched", "u"), file_item("d/same", "old"),
                file_item("d/unmatched", "u")};
  EXPECT_EQ(lines(copy.run()),
            "/d directory 700 42:0 source\n/d/both directory 711 0:0 source\n"
            "/d/both/f file 644 0:0 source '1'\n/d/same file 644 0:0 source 'new'\n"
            "/d/src_only directory 755 0:0 source\n/d/src_only/g file 644 0:0 source '2'\n");
}

TEST(Place, COPY_08_the_root_is_not_written) {
  Context context;
  context.file("src/f").file("src/etc/g");
  Copy copy(context.tree(), {"src"}, "/");
  copy.below = {dir_item("etc", 0700)};
  EXPECT_EQ(names(copy.run()), "/etc /etc/g /f");
}

TEST(Place, COPY_09_types_that_do_not_fit) {
  Context context;
  context.file("f").file("name").file("src/name/x").file("src2/deep/name").link("src3/name", "x");
  const struct {
    const char* source;
    const char* destination;
    const char* words;
  } cases[] = {
      {"name", "/d", "cannot replace to directory /d/name with file"},
      {"src", "/d2", "cannot copy to non-directory: /d2/name"},
      {"src2", "/d3", "cannot replace to directory /d3/deep/name with file"},
      {"src3", "/d", "cannot replace to directory /d/name with file"},
      {"src", "/file", "cannot copy to non-directory: /file"},
      {"f", "/file/", "cannot copy to non-directory: /file"},
      {"f", "/file/x", "cannot copy to non-directory: /file"},
      {"src", "/d4", "cannot copy to non-directory: /d4/name"},  // a link to a directory, nested
  };
  for (const auto& c : cases) {
    Copy copy(context.tree(), {c.source}, c.destination);
    copy.below = {dir_item("d"),
                  dir_item("d/name"),
                  dir_item("d2"),
                  file_item("d2/name", "x"),
                  dir_item("d3"),
                  dir_item("d3/deep"),
                  dir_item("d3/deep/name"),
                  dir_item("d4"),
                  link_item("d4/name", "/d"),
                  file_item("file", "x")};
    expect_error(Errc::invalid, {c.words}, [&] { copy.run(); });
  }
}

TEST(Place, COPY_11_directories_pour_in_and_later_ones_win) {
  Context context;
  context.file("d1/f", "first").file("d1/only1").file("d2/f", "second").file("d2/only2");
  Copy copy(context.tree(), {"d*"}, "/out/");
  const Layer layer = copy.run();
  EXPECT_EQ(names(layer), "/out /out/f /out/only1 /out/only2");
  EXPECT_EQ(layer.at("/out/f").content, "second");
}

TEST(Place, COPY_12_no_match_writes_nothing) {
  Context context;
  context.file("f");
  EXPECT_EQ(names(Copy(context.tree(), {"*.nothing"}, "/new/").run()), "");
}

TEST(Place, COPY_13_each_source_in_turn) {
  Context context;
  context.file("a", "1").file("b", "2").file("dir/in");
  EXPECT_EQ(lines(Copy(context.tree(), {"a", "b"}, "/x").run()), "/x file 644 0:0 source '2'\n");
  EXPECT_EQ(names(Copy(context.tree(), {"dir", "a"}, "/x").run()), "/x /x/a /x/in");
  Copy wrong(context.tree(), {"a", "dir"}, "/x");
  expect_error(Errc::invalid, {"cannot copy to non-directory: /x"}, [&] { wrong.run(); });
}

TEST(Place, COPY_17_18_stage_metadata_is_kept) {
  Item owned = file_item("s/owned", "x", 04755);
  owned.entry.uid = 1000;
  owned.entry.gid = 1001;
  owned.entry.xattrs["security.capability"] = kCapabilityValue;
  const auto stage =
      item_tree({dir_item("s", 03775), device_item("s/null", EntryType::char_device, 1, 3), owned,
                 fifo_item("s/pipe")});
  const Layer layer = Copy(stage, {"s"}, "/t").run();
  EXPECT_EQ(names(layer), "/t /t/null /t/owned /t/pipe");
  EXPECT_EQ(line(layer.at("/t/owned")), "/t/owned file 4755 1000:1001 below 'x'");
  EXPECT_EQ(layer.at("/t/owned").entry.xattrs, owned.entry.xattrs);
  EXPECT_EQ(layer.at("/t/null").entry.device_minor, 3U);
  EXPECT_EQ(layer.at("/t/pipe").entry.type, EntryType::fifo);
}

TEST(Place, COPY_23_24_chmod) {
  Context context;
  context.file("d/run", "x", 0750)
      .file("d/text", "x", 0640)
      .link("d/link", "text")
      .dir("d/sub", 0700);
  Copy copy(context.tree(), {"d"}, "/t");
  copy.options.chmod = ModeChange::parse("u=rwX,go=rX");
  EXPECT_EQ(lines(copy.run()),
            "/t directory 755 0:0 source\n/t/link symlink 777 0:0 source -> text\n"
            "/t/run file 755 0:0 source 'x'\n/t/sub directory 755 0:0 source\n/t/text file 644 0:0 "
            "source 'x'\n");
  copy.options.chmod = ModeChange::parse("0600");
  copy.below = {dir_item("t", 0711)};
  EXPECT_EQ(lines(copy.run()),
            "/t directory 711 0:0 source\n/t/link symlink 777 0:0 source -> text\n"
            "/t/run file 600 0:0 source 'x'\n/t/sub directory 600 0:0 source\n/t/text file 600 0:0 "
            "source 'x'\n");
  copy.below.clear();
  EXPECT_EQ(line(copy.run().at("/t")), "/t directory 600 0:0 source") << "COPY_06";
}

TEST(Place, COPY_19_chown_covers_links_and_directories) {
  Context context;
  context.file("d/s/f").link("d/l", "x");
  Copy copy(context.tree(), {"d"}, "/t");
  copy.options.chown = Owner{33, 34};
  for (const auto& [path, item] : copy.run()) {
    EXPECT_EQ(item.entry.uid, 33U) << path;
    EXPECT_EQ(item.entry.gid, 34U) << path;
  }
}

TEST(Place, COPY_29_31_32_parents) {
  Context context;
  context.file("a/b/f.txt").dir("a", 0710).dir("a/b", 0770);
  Copy copy(context.tree(), {"a/b/f.txt"}, "/d/");
  copy.request.parents = true;
  const Layer layer = copy.run();
  EXPECT_EQ(names(layer), "/d /d/a /d/a/b /d/a/b/f.txt");
  EXPECT_EQ(line(layer.at("/d/a")), "/d/a directory 710 0:0 source");
  EXPECT_EQ(line(layer.at("/d/a/b")), "/d/a/b directory 770 0:0 source");
}

TEST(Place, COPY_31_no_match_leaves_the_destination) {
  Context context;
  context.file("a/f");
  Copy copy(context.tree(), {"a/*.nothing"}, "/d/");
  copy.request.parents = true;
  EXPECT_EQ(names(copy.run()), "/d");
}

TEST(Place, COPY_32_an_existing_directory_keeps_its_owner) {
  Context context;
  context.file("a/b/f").dir("a", 0710);
  Item a = dir_item("d/a", 0777);
  a.entry.uid = 12;
  Copy copy(context.tree(), {"a/b/f"}, "/d/");
  copy.request.parents = true;
  copy.below = {dir_item("d"), a};
  EXPECT_EQ(line(copy.run().at("/d/a")), "/d/a directory 710 12:0 below");
}

TEST(Place, COPY_35_an_excluded_parent_of_something_reincluded) {
  Context context;
  context.file("s/x/keep").file("s/x/drop").file("s/y/drop");
  Copy copy(context.tree(), {"s"}, "/d");
  copy.request.exclude = filter({"*", "!x/keep"});
  EXPECT_EQ(names(copy.run()), "/d /d/x /d/x/keep");
}

TEST(Place, HEREDOC_12_14_files_in_memory) {
  const auto documents = memory_tree({{"one", "first\n"}, {"two", ""}}, {kNow, 0});
  CopyRequest literal = request({});
  literal.sources = {{"one", true}, {"two", true}};
  Context context;
  context.file("one", "from the context");
  std::vector<Selection> selections = {select(context.tree(), request({"one"})),
                                       select(documents, literal)};
  tests::MemoryBlobs blobs;
  LayerWriter writer(blobs, {Compression::none});
  PlaceOptions options;
  options.destination = "/d/";
  options.now = {kNow, 0};
  write_copies(selections, options, *empty_tree(), writer);
  EXPECT_EQ(
      lines(read_layer(blobs, std::move(writer).finish())),
      "/d directory 755 0:0 now\n/d/one file 644 0:0 now 'first\n'\n/d/two file 644 0:0 now ''\n");
}

TEST(Place, HEREDOC_15_content_is_part_of_the_digest) {
  const auto digest = [](const char* text) {
    CopyRequest literal = request({});
    literal.sources = {{"F", true}};
    Selection chosen = select(memory_tree({{"F", text}}), literal);
    return selection_digest(chosen);
  };
  EXPECT_EQ(digest("a"), digest("a"));
  EXPECT_NE(digest("a"), digest("b"));
}

// What was hashed for the key is what is written, or nothing is: a file that has the same size and
// time and other bytes must not become an image that the cache knows under the old ones.
TEST(Place, CACHE_03_CACHE_04_bytes_that_changed_since_they_were_hashed_are_refused) {
  Context context;
  context.file("d/same", "one").file("d/other", "two");
  for (const char* pattern : {"d", "d/other"}) {
    context.file("d/other", "two");
    Selection chosen = select(context.tree(), request({pattern}));
    selection_digest(chosen);
    context.file("d/other", "TWO");  // the support sets its time back
    tests::MemoryBlobs blobs;
    LayerWriter writer(blobs, {Compression::none});
    PlaceOptions options;
    options.destination = "/to/";
    expect_error(Errc::io, {"/d/other", "changed"},
                 [&] { write_copy(chosen, options, *empty_tree(), writer); });
    EXPECT_EQ(blobs.count(), 0U);
  }
}

TEST(Place, ADD_02_an_archive_that_changed_since_it_was_hashed_is_refused) {
  Context context;
  const auto tar = [](const std::string& content) {
    return tests::TarBuilder().file("f", content).finish();
  };
  context.file("a.tar", tar("one"));
  CopyRequest unpacking = request({"a.tar"});
  unpacking.unpack_archives = true;
  Selection chosen = select(context.tree(), unpacking);
  selection_digest(chosen);
  context.file("a.tar", tar("two"));
  tests::MemoryBlobs blobs;
  LayerWriter writer(blobs, {Compression::none});
  PlaceOptions options;
  options.destination = "/to/";
  expect_error(Errc::corrupt, {"/a.tar"},
               [&] { write_copy(chosen, options, *empty_tree(), writer); });
}

Layer make_dirs(const std::string& path, Owner owner, const std::vector<Item>& below) {
  tests::MemoryBlobs blobs;
  LayerWriter writer(blobs, {Compression::none});
  write_dirs({path, owner, {kNow, 0}}, *item_tree(below), writer);
  return read_layer(blobs, std::move(writer).finish());
}

TEST(Place, WORKDIR_02_03_directories) {
  const std::vector<Item> below = {dir_item("home", 0700), link_item("link", "home/new"),
                                   file_item("plain", "x")};
  EXPECT_EQ(lines(make_dirs("/a/b", {3, 4}, {})),
            "/a directory 755 3:4 now\n/a/b directory 755 3:4 now\n");
  EXPECT_EQ(lines(make_dirs("/home", {3, 4}, below)), "");
  EXPECT_EQ(lines(make_dirs("/", {3, 4}, below)), "");
  EXPECT_EQ(lines(make_dirs("/home/me", {3, 4}, below)),
            "/home directory 700 0:0 below\n/home/me directory 755 3:4 now\n");
  EXPECT_EQ(names(make_dirs("/link/x", {}, below)), "/home /home/new /home/new/x");
  expect_error(Errc::invalid, {"non-directory", "/plain"},
               [&] { make_dirs("/plain/x", {}, below); });
}

TEST(Place, a_file_that_changes_meanwhile_is_named) {
  Context context;
  context.file("d/f", "before");
  const auto tree = context.tree();
  const Selection selection = select(tree, request({"d"}));
  context.file("d/f", "afterwards");
  tests::MemoryBlobs blobs;
  LayerWriter writer(blobs, {Compression::none});
  PlaceOptions options;
  options.destination = "/x";
  expect_error(Errc::io, {"d/f", "changed"},
               [&] { write_copy(selection, options, *empty_tree(), writer); });
}

TEST(Place, the_layer_does_not_depend_on_the_order_on_disk) {
  Context one;
  Context two;
  for (const char* name : {"a", "a.b", "a-b", "B", "z", "\xc3\xa9"})
    one.file(cat("d/", name, "/f"));
  for (const char* name : {"\xc3\xa9", "z", "B", "a-b", "a.b", "a"})
    two.file(cat("d/", name, "/f"));
  const auto digest_of = [](const Context& context) {
    tests::MemoryBlobs blobs;
    LayerWriter writer(blobs, {Compression::none});
    PlaceOptions options;
    options.destination = "/x";
    write_copy(select(context.tree(), request({"d"})), options, *empty_tree(), writer);
    return std::move(writer).finish().diff_id;
  };
  one.touch("d");
  two.touch("d");
  for (const char* name : {"a", "a.b", "a-b", "B", "z", "\xc3\xa9"}) {
    one.touch(cat("d/", name));
    two.touch(cat("d/", name));
  }
  EXPECT_EQ(digest_of(one), digest_of(two));
}

}  // namespace
}  // namespace cooper::layers
