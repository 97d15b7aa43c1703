#include <gtest/gtest.h>

#include "layers/spool.h"
#include "tests/layers/copy_support.h"
#include "tests/support/tar_builder.h"

namespace cooper::layers {
namespace {

using tests::TarBuilder;

Copy add(const Context& context, const std::string& name, std::string destination) {
  Copy copy(context.tree(), {name}, std::move(destination));
  copy.request.unpack_archives = true;
  return copy;
}

Layer unpack(const TarBuilder& tar, const std::string& destination, std::vector<Item> below = {}) {
  Context context;
  context.file("archive", tar.finish());
  Copy copy = add(context, "archive", destination);
  copy.below = std::move(below);
  return copy.run();
}

TarBuilder::Meta meta(std::uint32_t mode, std::uint32_t uid, std::uint32_t gid,
                      std::int64_t mtime_s) {
  TarBuilder::Meta made;
  made.mode = mode;
  made.uid = uid;
  made.gid = gid;
  made.mtime_s = mtime_s;
  return made;
}

TEST(Unpack, ADD_03_the_destination_is_a_directory) {
  TarBuilder tar;
  tar.file("f", "x");
  for (const char* destination : {"/new", "/new/"}) {
    const Layer layer = unpack(tar, destination);
    EXPECT_EQ(names(layer), "/new /new/f");
    EXPECT_EQ(layer.at("/new").entry.mode, 0755U);
    EXPECT_EQ(layer.at("/new").entry.mtime.seconds, 1'700'000'000);
  }
  EXPECT_EQ(names(unpack(tar, "/")), "/f");
  EXPECT_EQ(names(unpack(tar, "/l", {dir_item("d"), link_item("l", "d")})), "/d /d/f");
  expect_error(Errc::invalid, {"non-directory", "/p"},
               [&] { unpack(tar, "/p", {file_item("p", "x")}); });
}

TEST(Unpack, ADD_04_owners_modes_and_times_come_from_the_archive) {
  TarBuilder tar;
  tar.directory("./", meta(0700, 9, 9, 5)).directory("d/", meta(02750, 10, 11, 12));
  tar.file("d/f", "bytes", meta(04711, 20, 21, 22))
      .symlink("l", "d/f")
      .fifo("p")
      .char_device("c", 1, 3);
  const Layer layer = unpack(tar, "/t");
  EXPECT_EQ(names(layer), "/t /t/c /t/d /t/d/f /t/l /t/p");
  EXPECT_EQ(layer.at("/t").entry.mode, 0755U) << "the archive's own root changes nothing";
  EXPECT_EQ(describe(layer.at("/t/d").entry), "/t/d directory 2750 10:11 @12");
  EXPECT_EQ(describe(layer.at("/t/d/f").entry), "/t/d/f file 4711 20:21 @22 size=5");
  EXPECT_EQ(layer.at("/t/d/f").content, "bytes");
  EXPECT_EQ(layer.at("/t/l").entry.link_target, "d/f");
}

TEST(Unpack, ADD_04_merging) {
  TarBuilder tar;
  tar.directory("both/", meta(0711, 1, 1, 1)).file("both/same", "new").file("was_dir", "file now");
  tar.directory("was_file/")
      .file("was_file/in", "x")
      .directory("was_link/")
      .file("was_link/in", "x");
  const Layer layer =
      unpack(tar, "/",
             {dir_item("both"), file_item("both/other", "o"), file_item("both/same", "old"),
              dir_item("elsewhere"), dir_item("was_dir"), file_item("was_dir/gone", "x"),
              file_item("was_file", "x"), link_item("was_link", "elsewhere")});
  EXPECT_EQ(names(layer),
            "/both /both/same /was_dir /was_file /was_file/in /was_link /was_link/in");
  EXPECT_EQ(layer.at("/both").entry.mode, 0711U);
  EXPECT_EQ(layer.at("/both/same").content, "new");
  EXPECT_EQ(layer.at("/was_dir").entry.type, EntryType::file);
  EXPECT_EQ(layer.at("/was_link").entry.type, EntryType::directory);
}

TEST(Unpack, ADD_04_the_last_of_one_name_wins_and_replaced_trees_are_gone) {
  TarBuilder tar;
  tar.file("f", "1")
      .file("f", "2")
      .directory("d/")
      .file("d/x", "x")
      .file("d", "file")
      .directory("d/");
  tar.file("d/y", "y");
  const Layer layer =
      unpack(tar, "/t", {dir_item("t"), dir_item("t/d"), file_item("t/d/below", "b")});
  EXPECT_EQ(layer.at("/t/f").content, "2");
  EXPECT_TRUE(layer.at("/t/d").entry.opaque) << "what lay below must not come back";
  EXPECT_FALSE(layer.contains("/t/d/x"));
  EXPECT_TRUE(layer.contains("/t/d/y"));
}

TEST(Unpack, ADD_04_missing_directories_are_made_for_root) {
  Context context;
  context.file("archive", TarBuilder().file("a/b/f", "x").finish());
  Copy copy = add(context, "archive", "/t");
  copy.options.chown = Owner{5, 6};
  const Layer layer = copy.run();
  EXPECT_EQ(layer.at("/t").entry.uid, 5U);
  EXPECT_EQ(layer.at("/t/a").entry.uid, 0U);
  EXPECT_EQ(layer.at("/t/a/b").entry.mode, 0755U);
  EXPECT_EQ(layer.at("/t/a/b/f").entry.gid, 6U);
}

TEST(Unpack, ADD_05_nothing_escapes) {
  const std::vector<Item> below = {dir_item("etc"), file_item("etc/passwd", "root"), dir_item("t")};
  for (const char* name : {"../etc/passwd", "a/../../etc/passwd", "../../../etc/passwd"}) {
    EXPECT_EQ(names(unpack(TarBuilder().file(name, "x"), "/t", below)), "/t /t/etc /t/etc/passwd")
        << name;
  }
  EXPECT_EQ(names(unpack(TarBuilder().file("..", "x"), "/t", below)), "");
  EXPECT_EQ(names(unpack(TarBuilder().file("/etc/passwd", "x"), "/t", below)),
            "/t /t/etc /t/etc/passwd");
  for (const char* target : {"/etc", "../etc", "../../../etc", "/../etc"}) {
    const Layer layer =
        unpack(TarBuilder().symlink("l", target).file("l/passwd", "x"), "/t", below);
    EXPECT_EQ(names(layer), "/t /t/etc /t/etc/passwd /t/l") << target;
    EXPECT_EQ(layer.at("/t/l").entry.link_target, target);
  }
  EXPECT_EQ(names(unpack(TarBuilder().file("f", "x").hard_link("h", "../../f"), "/t", below)),
            "/t /t/f /t/h");
  expect_error(Errc::invalid, {"h", "hard link", "etc/passwd"},
               [&] { unpack(TarBuilder().hard_link("h", "../etc/passwd"), "/t", below); });
  expect_error(Errc::invalid, {"h", "hard link", "etc/passwd"},
               [&] { unpack(TarBuilder().hard_link("h", "/etc/passwd"), "/t", below); });
  expect_error(Errc::invalid, {"too many levels"}, [&] {
    unpack(TarBuilder().symlink("a", "b").symlink("b", "a").file("a/x", "x"), "/t");
  });
}

TEST(Unpack, ADD_05_links_in_the_destination) {
  const Layer layer =
      unpack(TarBuilder().file("lib/f", "x").file("up/g", "x"), "/t",
             {dir_item("t"), link_item("t/lib", "usr/lib"), link_item("t/up", "../.."),
              dir_item("t/usr"), dir_item("t/usr/lib")});
  EXPECT_EQ(names(layer), "/t /t/g /t/usr /t/usr/lib /t/usr/lib/f");
}

TEST(Unpack, hard_links) {
  TarBuilder tar;
  tar.file("a", "one")
      .hard_link("b", "a")
      .hard_link("sub/c", "./b")
      .symlink("s", "a")
      .hard_link("s2", "s");
  const Layer layer = unpack(tar, "/t");
  EXPECT_EQ(layer.at("/t/a").content, "one");
  EXPECT_EQ(describe(layer.at("/t/b").entry), "/t/b hard link 644 0:0 @1000000000 -> t/a");
  EXPECT_EQ(layer.at("/t/sub/c").entry.link_target, "t/a");
  EXPECT_EQ(layer.at("/t/s2").entry.type, EntryType::hard_link);
  EXPECT_EQ(layer.at("/t/s2").entry.link_target, "t/s");
}

TEST(Unpack, hard_links_name_files_not_paths) {
  TarBuilder tar;
  tar.file("z", "first").hard_link("a", "z").file("z", "second");
  const Layer layer = unpack(tar, "/");
  EXPECT_EQ(layer.at("/a").content, "first");
  EXPECT_EQ(layer.at("/z").content, "second");
}

TEST(Unpack, hard_links_to_files_below_write_them_again) {
  const Layer layer = unpack(TarBuilder().hard_link("new", "old"), "/t",
                             {dir_item("t"), file_item("t/old", "bytes", 0711)});
  EXPECT_EQ(layer.at("/t/new").content, "bytes");
  EXPECT_EQ(layer.at("/t/old").entry.type, EntryType::hard_link);
  expect_error(Errc::invalid, {"is no file"}, [&] {
    unpack(TarBuilder().hard_link("h", "d"), "/t", {dir_item("t"), dir_item("t/d")});
  });
  expect_error(Errc::invalid, {"is no file"},
               [&] { unpack(TarBuilder().hard_link("h", "none"), "/t"); });
}

TEST(Unpack, ADD_06_chown_applies_and_chmod_does_not) {
  Context context;
  context.file("archive",
               TarBuilder().file("f", "x", meta(0640, 1, 2, 3)).directory("d/").finish());
  Copy copy = add(context, "archive", "/t");
  copy.options.chown = Owner{7, 8};
  copy.options.chmod = ModeChange::parse("777");
  const Layer layer = copy.run();
  EXPECT_EQ(describe(layer.at("/t/f").entry), "/t/f file 640 7:8 @3 size=1");
  EXPECT_EQ(layer.at("/t/d").entry.mode, 0755U);
  EXPECT_EQ(layer.at("/t").entry.mode, 0755U);
  EXPECT_EQ(layer.at("/t").entry.uid, 7U);
}

TEST(Unpack, ADD_07_several_archives_and_plain_files) {
  Context context;
  context.file("1.tar", TarBuilder().file("f", "1").file("only1", "x").finish());
  context.file("2.tar", TarBuilder().file("f", "2").finish()).file("3.tar", "text");
  const Layer layer = add(context, "*.tar", "/t/").run();
  EXPECT_EQ(names(layer), "/t /t/3.tar /t/f /t/only1");
  EXPECT_EQ(layer.at("/t/f").content, "2");
}

TEST(Unpack, damage_is_told_with_the_archives_name) {
  const std::string tar = TarBuilder().file("f", std::string(5000, 'x')).finish();
  Context context;
  context.file("cut", tar.substr(0, 3000));
  expect_error(Errc::corrupt, {"/cut"}, [&] { add(context, "cut", "/t").run(); });
}

TEST(Unpack, times_before_1970_become_1970) {
  EXPECT_EQ(
      unpack(TarBuilder().pax({{"mtime", "-5"}}).file("f", "x"), "/").at("/f").entry.mtime.seconds,
      0);
}

// -- the spool
// -----------------------------------------------------------------------------------------
std::string text_of(const Spool& spool, const Spool::Stretch& stretch) {
  return read_all(*spool.open(stretch), 1 << 24, "spool");
}

TEST(Spool, memory_and_file_read_alike) {
  const TempDir directory = TempDir::in_host_tmp("cooper-spool-test-");
  for (const std::size_t limit :
       {std::size_t{1} << 20, std::size_t{0}, std::size_t{100}, std::size_t{70'000}}) {
    Spool spool(&directory.dir(), limit);
    std::vector<Spool::Stretch> stretches;
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < 40; ++i) {
      texts.emplace_back(i * i * 50, static_cast<char>('a' + i % 26));
      MemorySource source(texts.back());
      stretches.push_back(spool.append(source));
    }
    for (std::size_t i = stretches.size(); i-- > 0;) {
      EXPECT_EQ(text_of(spool, stretches[i]), texts[i]) << limit << " " << i;
    }
    EXPECT_TRUE(directory.dir().list(TreePath()).empty()) << "the file has a name";
  }
}

}  // namespace
}  // namespace cooper::layers
