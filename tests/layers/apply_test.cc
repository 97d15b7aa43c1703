#include "layers/apply.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "layers/apply_rows.h"
#include "layers/standin.h"
#include "layers/xattr.h"
#include "tests/layers/apply_support.h"
#include "tests/support/tar_builder.h"

namespace cooper::layers {
namespace {

using tests::TarBuilder;

constexpr std::int64_t kBuilderTime = 1'000'000'000;

TEST_F(Apply, gives_files_their_bytes_modes_owners_and_times) {
  TarBuilder::Meta meta;
  meta.mode = 04751;
  meta.uid = ::geteuid();
  meta.gid = ::getegid();
  meta.mtime_s = 1234567890;
  const Table table = apply(TarBuilder()
                                .directory("d")
                                .file("d/f", "content", meta)
                                .symlink("d/l", "f")
                                .hard_link("d/h", "d/f")
                                .fifo("d/p")
                                .finish());
  const struct stat file = stat_of("d/f");
  EXPECT_EQ(into().read_file(at("d/f"), 100), "content");
  EXPECT_EQ(file.st_mode, S_IFREG | 04751u);
  EXPECT_EQ(file.st_uid, ::geteuid());
  EXPECT_EQ(file.st_mtim.tv_sec, 1234567890);
  EXPECT_EQ(stat_of("d/h").st_ino, file.st_ino);
  EXPECT_EQ(into().read_link(at("d/l")), "f");
  EXPECT_EQ(stat_of("d/l").st_mtim.tv_sec, kBuilderTime);
  EXPECT_TRUE(S_ISFIFO(stat_of("d/p").st_mode));
  EXPECT_EQ(stat_of("d").st_mtim.tv_sec, kBuilderTime);
  EXPECT_EQ(stat_of("d").st_mode & 07777, 0755u);
  EXPECT_EQ(table.find(at("d/f"))->content, oci::ContentDigest{oci::sha256("content")});
  EXPECT_EQ(table.find(at("d/h"))->link_target, "d/f");
}

TEST_F(Apply, the_umask_has_no_say) {
  const mode_t before = ::umask(077);
  apply(TarBuilder().directory("d").file("d/f", "").finish());
  ::umask(before);
  EXPECT_EQ(stat_of("d").st_mode & 07777, 0755u);
  EXPECT_EQ(stat_of("d/f").st_mode & 07777, 0644u);
}

TEST_F(Apply, unwritable_directories_get_their_entries_all_the_same) {
  TarBuilder::Meta closed;
  closed.mode = 0555;
  closed.uid = ::geteuid();
  closed.gid = ::getegid();
  apply(TarBuilder()
            .directory("ro", closed)
            .directory("ro/in", closed)
            .file("ro/in/f", "f", closed)
            .file("ro/late", "x", closed)
            .finish());
  EXPECT_EQ(into().read_file(at("ro/in/f"), 10), "f");
  EXPECT_EQ(stat_of("ro").st_mode & 07777, 0555u);
  into().set_mode(at("ro"), 0755);
  into().set_mode(at("ro/in"), 0755);
}

TEST_F(Apply, owners_that_cannot_be_given_are_kept_beside) {
  TarBuilder::Meta meta;
  meta.uid = 12345;
  meta.gid = 54321;
  meta.mode = 06755;
  const Table table = apply(TarBuilder().file("f", "x", meta).finish());
  EXPECT_EQ(table.find(at("f"))->uid, 12345u);
  const struct stat status = stat_of("f");
  const auto text = into().get_xattr(at("f"), std::string(kOverrideXattr));
  if (status.st_uid == 12345) {
    EXPECT_EQ(status.st_mode & 07777, 06755u);
    EXPECT_FALSE(text);
  } else {
    ASSERT_TRUE(text);
    StandIn expected;
    expected.uid = {12345, status.st_uid};
    expected.gid = {54321, status.st_gid};
    expected.mode = {06755, 0755};
    expected.owner = status.st_uid;
    expected.content = oci::sha256("x");
    EXPECT_EQ(test_seal().open(*text), expected);
    EXPECT_EQ(status.st_mode & 07777, 0755u) << "set-id bits must not work for the wrong owner";
  }
}

TEST_F(Apply, devices_are_never_made) {
  const Table table = apply(TarBuilder()
                                .char_device("null", 1, 3)
                                .block_device("sda", 8, 0)
                                .char_device("zero", 0, 0)
                                .finish());
  for (const char* name : {"null", "sda", "zero"}) {
    EXPECT_TRUE(S_ISREG(stat_of(name).st_mode)) << name;
    EXPECT_EQ(stat_of(name).st_size, 0);
  }
  EXPECT_EQ(describe(*table.find(at("sda"))), "/sda block device 644 0:0 @1000000000 dev=8:0");
  const auto stand_in =
      test_seal().open(into().get_xattr(at("null"), std::string(kOverrideXattr)).value());
  EXPECT_EQ(stand_in->device, (StandIn::Device{EntryType::char_device, 1, 3}));
}

TEST_F(Apply, whiteouts_and_opaque_directories_are_overlays_own) {
  const auto below = tree_of({dir_item("d"), file_item("d/x", ""), dir_item("o")});
  const Table table = apply_over(TarBuilder()
                                     .directory("o")
                                     .file("o/.wh..wh..opq", "")
                                     .directory("d")
                                     .file("d/.wh.x", "")
                                     .finish(),
                                 *below);
  EXPECT_TRUE(S_ISCHR(stat_of("d/x").st_mode));
  EXPECT_EQ(stat_of("d/x").st_rdev, makedev(0, 0));
  EXPECT_EQ(into().get_xattr(at("o"), "user.overlay.opaque"), "y");
  EXPECT_FALSE(into().get_xattr(at("d"), "user.overlay.opaque"));
  EXPECT_TRUE(table.find(at("o"))->opaque);
  EXPECT_EQ(table.find(at("d/x"))->type, EntryType::whiteout);
}

TEST_F(Apply, an_opaque_root_removes_by_name) {
  const auto below = tree_of({dir_item("a"), file_item("b", "")});
  const Table table = apply_over(
      TarBuilder().directory("./").file(".wh..wh..opq", "").directory("a").finish(), *below);
  EXPECT_FALSE(table.find(TreePath())->opaque);
  EXPECT_TRUE(table.find(at("a"))->opaque);
  EXPECT_EQ(table.find(at("b"))->type, EntryType::whiteout);
}

TEST_F(Apply, a_whiteout_beside_its_own_layers_entry_hides_only_below) {
  for (const bool first : {true, false}) {
    TarBuilder tar;
    if (first) tar.file(".wh.d", "").file(".wh.f", "");
    tar.directory("d").file("d/new", "").file("f", "kept");
    if (!first) tar.file(".wh.d", "").file(".wh.f", "");
    const auto below = tree_of({dir_item("d"), file_item("d/old", ""), file_item("f", "old")});
    const TempDir fresh = TempDir::in_host_tmp("cooper-test-");
    const Table table =
        apply_layer(source_of(tar.finish()), fresh.dir(), test_seal(), *below, {}, "layer-x");
    EXPECT_TRUE(table.find(at("d"))->opaque);
    EXPECT_EQ(table.find(at("f"))->type, EntryType::file);
    EXPECT_EQ(fresh.dir().read_file(at("f"), 10), "kept");
  }
}

// overlayfs lists a mark in a directory that does not merge, and cannot look at it.
TEST_F(Apply, whiteouts_of_what_does_not_show_leave_no_mark) {
  const auto below =
      tree_of({dir_item("o"), file_item("o/x", ""), dir_item("p"), file_item("p/k", "")});
  const Table table = apply_over(TarBuilder()
                                     .file("o/.wh.x", "")
                                     .directory("o")
                                     .file("o/.wh..wh..opq", "")
                                     .file(".wh.p", "")
                                     .directory("p")
                                     .file("p/.wh.k", "")
                                     .directory("new")
                                     .file("new/.wh.y", "")
                                     .file(".wh.nothing", "")
                                     .finish(),
                                 *below);
  for (const char* path : {"o/x", "p/k", "new/y", "nothing"}) {
    EXPECT_FALSE(into().try_stat(at(path))) << path;
    EXPECT_EQ(table.find(at(path)), nullptr) << path;
  }
  EXPECT_TRUE(table.find(at("o"))->opaque);
  EXPECT_TRUE(table.find(at("p"))->opaque);
}

// The marker says nothing of the directory itself: it stays as it is below.
TEST_F(Apply, an_opaque_marker_in_a_directory_not_listed_leaves_its_metadata) {
  const auto below = tree_of({dir_item("d", 01777), file_item("d/old", "")});
  for (const bool listed : {false, true}) {
    TarBuilder tar;
    tar.file("d/.wh..wh..opq", "").file("d/new", "n");
    if (listed) tar.directory("d");
    const std::string text = tar.finish();
    const TempDir fresh = TempDir::in_host_tmp("cooper-test-");
    const Applied applied = apply_verified(source_of(text), fresh.dir(), test_seal(), *below,
                                           {oci::sha256(text)}, {}, "layer-x");
    const Table settled = settle(applied.alone, *below, "layer-x");
    EXPECT_FALSE(applied.alone.settled());
    for (const Table* table : {&applied.over_below, &settled}) {
      EXPECT_EQ(table->find(at("d"))->mode, listed ? 0755u : 01777u);
      EXPECT_TRUE(table->find(at("d"))->opaque);
      EXPECT_NE(table->find(at("d/new")), nullptr);
    }
    EXPECT_EQ(settled.entries().size(), applied.over_below.entries().size());
  }
}

TEST_F(Apply, private_xattrs_stay_in_the_table) {
  const Table table =
      apply(TarBuilder()
                .pax({{"SCHILY.xattr.user.overlay.opaque", "y"},
                      {"SCHILY.xattr.trusted.overlay.opaque", "y"},
                      {"SCHILY.xattr.user.cooper.override", "type=c;major=1;minor=1"},
                      {"SCHILY.xattr.security.selinux", "label"},
                      {"SCHILY.xattr.user.fine", "1"}})
                .directory("d")
                .finish());
  EXPECT_EQ(table.find(at("d"))->xattrs.size(), 5u);
  const auto names = into().list_xattrs(at("d"));
  for (const std::string& name : names) {
    EXPECT_FALSE(is_private_xattr(name) && name != kOverrideXattr) << name;
  }
  EXPECT_EQ(into().get_xattr(at("d"), "user.fine"), "1");
  EXPECT_NE(into().get_xattr(at("d"), std::string(kOverrideXattr)), "type=c;major=1;minor=1");
}

TEST_F(Apply, capabilities_are_set_or_kept_beside) {
  std::string capability("\x01\x00\x00\x02\x00\x20\x00\x00", 8);
  capability += std::string(12, '\0');
  apply(TarBuilder()
            .pax({{"SCHILY.xattr.security.capability", capability}})
            .file("ping", "")
            .finish());
  const auto set = into().get_xattr(at("ping"), std::string(kCapability));
  if (set) {
    EXPECT_EQ(capability_v2(*set), capability);
  } else {
    const auto text = into().get_xattr(at("ping"), std::string(kOverrideXattr));
    ASSERT_TRUE(text);
    EXPECT_EQ(test_seal().open(*text)->capability, capability);
  }
}

TEST_F(Apply, parents_that_are_not_listed_are_as_below) {
  Item usr = dir_item("usr", 0711);
  usr.entry.mtime.seconds = 77;
  const auto below = tree_of({dir_item("", 0701), usr});
  const Table table = apply_over(TarBuilder().file("usr/bin/x", "").finish(), *below);
  EXPECT_EQ(table.find(TreePath())->mode, 0701u);
  EXPECT_EQ(table.find(at("usr"))->mode, 0711u);
  EXPECT_EQ(table.find(at("usr/bin"))->mode, 0755u);
  EXPECT_EQ(stat_of("usr").st_mtim.tv_sec, 77);
  EXPECT_EQ(stat_of("usr").st_mode & 07777, 0711u);
  EXPECT_EQ(stat_of("").st_mode & 07777, 0701u);
}

TEST_F(Apply, a_symlink_below_leads_members_to_where_it_points) {
  const auto below =
      tree_of({link_item("bin", "usr/bin"), link_item("lib", "/usr/lib"), dir_item("usr"),
               dir_item("usr/bin", 0711), dir_item("usr/lib"), file_item("usr/lib/gone", "")});
  const Table table = apply_over(TarBuilder()
                                     .file("bin/tool", "t")
                                     .directory("lib/sub")
                                     .file("lib/sub/f", "f")
                                     .file("lib/.wh.gone", "")
                                     .finish(),
                                 *below);
  EXPECT_EQ(into().read_file(at("usr/bin/tool"), 10), "t");
  EXPECT_EQ(into().read_file(at("usr/lib/sub/f"), 10), "f");
  EXPECT_EQ(table.find(at("usr/bin"))->mode, 0711u);
  EXPECT_EQ(table.find(at("usr/lib/gone"))->type, EntryType::whiteout);
  EXPECT_EQ(table.find(at("bin")), nullptr);
}

TEST_F(Apply, the_table_of_the_tar_alone_owes_nothing_to_what_is_below) {
  const auto below = tree_of({dir_item("", 0700), link_item("bin", "usr/bin"), dir_item("usr"),
                              dir_item("usr/bin", 0711), dir_item("d", 0700)});
  const std::string tar =
      TarBuilder().file("bin/tool", "t").file("d/f", "f").hard_link("same", "d/f").finish();
  const Applied applied = apply_verified(source_of(tar), into(), test_seal(), *below,
                                         {oci::sha256(tar)}, {}, "layer-x");
  EXPECT_EQ(applied.over_below.find(at("d"))->mode, 0700u);
  EXPECT_NE(applied.over_below.find(at("usr/bin/tool")), nullptr);
  EXPECT_EQ(applied.alone.entries(), read_table(source_of(tar), {}, "layer-x").entries());
  EXPECT_EQ(applied.alone.find(at("d")), nullptr);
}

TEST_F(Apply, where_names_are_the_marks_every_name_is_a_file_of_its_own) {
  tests::MemoryBlobs blobs;
  const WrittenLayer layer =
      write_layer(blobs, {mine(file_item("a", "bytes", 0640)), mine(hard_item("b", "a")),
                          mine(dir_item("d", 0755, true)), whiteout_item("gone"),
                          mine(fifo_item("p")), mine(hard_item("q", "p"))});
  const Applied applied =
      apply_verified(blobs.open_blob(layer.descriptor.digest), into(), test_seal(),
                     *below_of({dir_item("d"), file_item("d/hidden", ""), file_item("gone", "")}),
                     layer.diff_id, {}, "layer", Hiding::named);
  EXPECT_TRUE(S_ISREG(stat_of(".wh.gone").st_mode));
  EXPECT_TRUE(S_ISREG(stat_of("d/.wh..wh..opq").st_mode));
  EXPECT_NE(stat_of("a").st_ino, stat_of("b").st_ino);
  EXPECT_EQ(stat_of("b").st_mode, stat_of("a").st_mode);
  EXPECT_EQ(stat_of("b").st_mtim.tv_sec, stat_of("a").st_mtim.tv_sec);
  EXPECT_EQ(into().read_file(at("b"), 100), "bytes");
  EXPECT_TRUE(S_ISFIFO(stat_of("q").st_mode));
  EXPECT_NE(stat_of("p").st_ino, stat_of("q").st_ino);
  EXPECT_EQ(applied.over_below.find(at("b"))->link_target, "a");
}

TEST_F(Apply, hard_links_to_lower_files_are_copies) {
  const TempDir lower = TempDir::in_host_tmp("cooper-test-");
  const auto nothing = empty_tree();
  Table table = apply_layer(
      source_of(tar_of({dir_item(""), file_item("a", "bytes", 0640), link_item("s", "a")})),
      lower.dir(), test_seal(), *nothing, {}, "lower");
  const auto below = merge_layers({{share(std::move(table)), lower.dir().duplicate()}});
  const Table upper = apply_over(
      TarBuilder().hard_link("b", "a").hard_link("c", "b").hard_link("t", "s").finish(), *below);
  EXPECT_EQ(into().read_file(at("b"), 10), "bytes");
  EXPECT_EQ(upper.find(at("b"))->type, EntryType::file);
  EXPECT_EQ(upper.find(at("b"))->mode, 0640u);
  EXPECT_EQ(upper.find(at("c"))->link_target, "b");
  EXPECT_EQ(into().read_link(at("t")), "a");
}

TEST_F(Apply, of_duplicates_the_last_wins) {
  const Table table = apply(TarBuilder()
                                .file("a", "first")
                                .file("a", "second")
                                .file("b", "file")
                                .directory("b")
                                .file("b/in", "in")
                                .directory("c")
                                .file("c/in", "in")
                                .file("c", "file")
                                .symlink("d", "a")
                                .file("d", "no longer a link")
                                .file("e", "linked")
                                .hard_link("f", "e")
                                .hard_link("g", "e")
                                .file("e", "new")
                                .finish());
  EXPECT_EQ(into().read_file(at("a"), 10), "second");
  EXPECT_EQ(into().read_file(at("b/in"), 10), "in");
  EXPECT_EQ(into().read_file(at("c"), 10), "file");
  EXPECT_EQ(table.find(at("c/in")), nullptr);
  EXPECT_EQ(into().read_file(at("d"), 100), "no longer a link");
  EXPECT_EQ(into().read_file(at("e"), 100), "new");
  EXPECT_EQ(into().read_file(at("f"), 100), "linked");
  // The other names of a replaced file hold together without it.
  EXPECT_EQ(table.find(at("f"))->type, EntryType::file);
  EXPECT_EQ(table.find(at("g"))->link_target, "f");
  EXPECT_EQ(table.find(at("f"))->content, oci::ContentDigest{oci::sha256("linked")});
}

TEST_F(Apply, truncation_at_every_offset_is_an_error_or_the_diff_id_tells) {
  const std::string tar = TarBuilder().directory("d").file("d/f", std::string(600, 'f')).finish();
  const oci::DiffId expected{oci::sha256(tar)};
  for (std::size_t size = 0; size < tar.size(); size += 8) {
    SCOPED_TRACE(size);
    const TempDir fresh = TempDir::in_host_tmp("cooper-test-");
    const auto below = empty_tree();
    expect_error(Errc::corrupt, {"layer-x"}, [&] {
      apply_verified(source_of(tar.substr(0, size)), fresh.dir(), test_seal(), *below, expected, {},
                     "layer-x");
    });
  }
  const Applied applied =
      apply_verified(source_of(tar), into(), test_seal(), *empty_tree(), expected, {}, "layer-x");
  EXPECT_EQ(applied.over_below.entries().size(), 3u);
  EXPECT_EQ(applied.alone.entries(), read_table(source_of(tar), {}, "layer-x").entries());
}

TEST_F(Apply, read_table_agrees_with_apply) {
  const auto below = tree_of({dir_item("", 0700), dir_item("usr"), dir_item("usr/lib", 0711),
                              link_item("lib", "usr/lib"), file_item("usr/lib/old", "")});
  const std::string tar = TarBuilder()
                              .file("lib/a", "a")
                              .hard_link("lib/b", "lib/a")
                              .file("x/y/z", "z")
                              .file("lib/.wh.old", "")
                              .symlink("x/l", "y")
                              .char_device("x/c", 1, 3)
                              .file(".wh.q", "")
                              .file("q/r", "r")
                              .finish();
  const Table applied = apply_over(tar, *below);
  std::vector<Entry> lower;
  const TablePtr lower_table = [&] {
    for (const char* path : {"", "usr", "usr/lib", "lib", "usr/lib/old"})
      lower.push_back(*below->find(at(path)));
    return share(Table(lower));
  }();
  const auto one = merge_layers({{lower_table, std::nullopt}, {share(applied), std::nullopt}});
  const auto other =
      merge_layers({{lower_table, std::nullopt},
                    {share(read_table(source_of(tar), {}, "layer-x")), std::nullopt}});
  EXPECT_EQ(describe(*one), describe(*other));
}

}  // namespace
}  // namespace cooper::layers
