#include "layers/tar_reader.h"

#include <clocale>

#include "oci/digest.h"
#include "tests/layers/layer_support.h"
#include "tests/support/tar_builder.h"

namespace cooper::layers {
namespace {

using tests::TarBuilder;

struct Read {
  std::vector<TarMember> members;
  std::vector<std::string> contents;
};

Read read_tar(std::string tar, const TarLimits& limits = {}, TarKind kind = TarKind::layer) {
  TarReader reader(source_of(std::move(tar)), limits, "layer-x", kind);
  Read read;
  while (auto member = reader.next()) {
    std::string content;
    if (member->entry.type == EntryType::file)
      content = read_all(reader.content(), 1 << 26, "content");
    read.members.push_back(*std::move(member));
    read.contents.push_back(std::move(content));
  }
  return read;
}

TEST(TarReader, reads_every_type) {
  TarBuilder tar;
  TarBuilder::Meta meta;
  meta.mode = 04711;
  meta.uid = 1000;
  meta.gid = 2000;
  meta.mtime_s = 1234567890;
  tar.directory("./").directory("d/").file("d/f", "content", meta).symlink("l", "../../out");
  tar.hard_link("h", "./d/f").char_device("c", 1, 3).block_device("b", 8, 1).fifo("p");
  const Read read = read_tar(tar.finish());
  ASSERT_EQ(read.members.size(), 8u);
  EXPECT_TRUE(read.members[0].entry.path.is_root());
  const Entry& file = read.members[2].entry;
  EXPECT_EQ(describe(file), "/d/f file 4711 1000:2000 @1234567890 size=7");
  EXPECT_EQ(read.contents[2], "content");
  EXPECT_EQ(read.members[3].entry.link_target, "../../out");
  EXPECT_EQ(read.members[4].entry.type, EntryType::hard_link);
  EXPECT_EQ(read.members[4].entry.link_target, "d/f");
  EXPECT_EQ(describe(read.members[5].entry), "/c character device 644 0:0 @1000000000 dev=1:3");
  EXPECT_EQ(describe(read.members[6].entry), "/b block device 644 0:0 @1000000000 dev=8:1");
  EXPECT_EQ(read.members[7].entry.type, EntryType::fifo);
}

TEST(TarReader, absolute_and_dotted_names_are_taken_from_the_root) {
  const Read read =
      read_tar(TarBuilder().file("/etc/a", "").file(".//b/./c", "").file("x/../y", "").finish());
  ASSERT_EQ(read.members.size(), 3u);
  EXPECT_EQ(read.members[0].entry.path, at("etc/a"));
  EXPECT_EQ(read.members[1].entry.path, at("b/c"));
  EXPECT_EQ(read.members[2].entry.path, at("y"));
}

TEST(TarReader, names_that_climb_out_are_invalid) {
  for (const char* name : {"..", "../x", "a/../../x", "./../x", "/../x", "a/b/../../../x"}) {
    SCOPED_TRACE(name);
    expect_error(Errc::invalid, {"layer-x", name},
                 [&] { read_tar(TarBuilder().file(name, "").finish()); });
    expect_error(Errc::invalid, {"layer-x", "link", name},
                 [&] { read_tar(TarBuilder().hard_link("link", name).finish()); });
    expect_error(Errc::invalid, {"layer-x"}, [&] {
      read_tar(TarBuilder().pax({{"path", name}}).file("harmless", "").finish());
    });
  }
}

TEST(TarReader, names_are_raw_bytes_in_every_locale) {
  const std::string bytes = "\xff\xfe";
  const std::string text = "\xc3\xa9";
  TarBuilder tar;
  for (const std::string& name : {bytes, text}) {
    tar.file("u" + name, "");
    tar.pax({{"path", "p" + name}, {"linkpath", "t" + name}}).symlink("x", "x");
    tar.pax({{"linkpath", "u" + name}}).hard_link("h" + name, "x");
    tar.file(std::string(120, 'l') + name, "");
  }
  for (const char* locale : {"C", "C.UTF-8"}) {
    ASSERT_NE(std::setlocale(LC_ALL, locale), nullptr);
    const Read read = read_tar(tar.finish());
    ASSERT_EQ(read.members.size(), 8u);
    std::size_t i = 0;
    for (const std::string& name : {bytes, text}) {
      EXPECT_EQ(read.members[i++].entry.path.str(), "u" + name);
      EXPECT_EQ(read.members[i].entry.path.str(), "p" + name);
      EXPECT_EQ(read.members[i++].entry.link_target, "t" + name);
      EXPECT_EQ(read.members[i++].entry.link_target, "u" + name);
      EXPECT_EQ(read.members[i++].entry.path.str(), std::string(120, 'l') + name);
    }
  }
  std::setlocale(LC_ALL, "C");
}

TEST(TarReader, whiteouts_are_translated_in_layers_only) {
  TarBuilder tar;
  tar.file("a/.wh.gone", "").file("a/.wh..wh..opq", "").file(".wh..wh.plnk", "");
  tar.file(".wh..wh.plnk/1.2", "").file(".wh..wh.aufs", "");
  const Read read = read_tar(tar.finish());
  ASSERT_EQ(read.members.size(), 2u);
  EXPECT_EQ(read.members[0].entry, whiteout_item("a/gone").entry);
  EXPECT_TRUE(read.members[1].marker);
  EXPECT_TRUE(read.members[1].entry.opaque);
  EXPECT_EQ(read.members[1].entry.path, at("a"));
  const Read archive = read_tar(tar.finish(), {}, TarKind::archive);
  ASSERT_EQ(archive.members.size(), 5u);
  EXPECT_EQ(archive.members[0].entry.path, at("a/.wh.gone"));
}

TEST(TarReader, whiteouts_of_nothing_are_invalid) {
  for (const char* name : {".wh.", ".wh..", ".wh...", "a/.wh.", ".wh.a/b", ".wh.a/.wh.b"}) {
    expect_error(Errc::invalid, {name}, [&] { read_tar(TarBuilder().file(name, "").finish()); });
  }
}

TEST(TarReader, capabilities_are_read_in_their_v2_form) {
  std::string v2("\x01\x00\x00\x02", 4);
  v2 += std::string(16, '\x07');
  std::string v3 = v2 + std::string("\xa0\x86\x01\x00", 4);
  v3[3] = 3;
  TarBuilder tar;
  tar.pax({{"SCHILY.xattr.security.capability", v3}, {"SCHILY.xattr.user.x", "1"}}).file("a", "");
  tar.pax({{"SCHILY.xattr.security.capability", v2}}).file("b", "");
  const Read read = read_tar(tar.finish());
  EXPECT_EQ(read.members[0].entry.xattrs.at("security.capability"), v2);
  EXPECT_EQ(read.members[0].entry.xattrs.at("user.x"), "1");
  EXPECT_EQ(read.members[1].entry.xattrs.at("security.capability"), v2);
}

TEST(TarReader, sparse_files_are_read_with_their_holes) {
  // GNU sparse format 1.0: the map stands before the data.
  std::string map = "2\n0\n3\n1048576\n4\n";
  map.resize(512, '\0');
  TarBuilder tar;
  tar.pax({{"GNU.sparse.major", "1"},
           {"GNU.sparse.minor", "0"},
           {"GNU.sparse.name", "holes"},
           {"GNU.sparse.realsize", "1048580"}});
  tar.raw('0', "GNUSparseFile.0/holes", "", map.size() + 7, map + "abcdefg", {});
  const Read read = read_tar(tar.finish());
  ASSERT_EQ(read.members.size(), 1u);
  EXPECT_EQ(read.members[0].entry.path, at("holes"));
  EXPECT_EQ(read.members[0].entry.size_bytes, 1048580u);
  EXPECT_EQ(read.contents[0], "abc" + std::string(1048573, '\0') + "defg");
}

struct LimitCase {
  const char* name;
  std::function<void(TarLimits&)> set;
  std::string tar;
};

TEST(TarReader, limits_name_themselves_and_the_member) {
  const std::vector<LimitCase> cases = {
      {"entries", [](TarLimits& l) { l.entries = 2; },
       TarBuilder().file("a", "").file("b", "").file("victim", "").finish()},
      {"path_bytes", [](TarLimits& l) { l.path_bytes = 9; },
       TarBuilder().file("victim/long", "").finish()},
      {"path_bytes", [](TarLimits& l) { l.path_bytes = 9; },
       TarBuilder().symlink("victim", "0123456789").finish()},
      {"components", [](TarLimits& l) { l.components = 3; },
       TarBuilder().file("victim/2/3/4", "").finish()},
      {"total_bytes", [](TarLimits& l) { l.total_bytes = 10; },
       TarBuilder().file("a", "123456").file("victim", "12345").finish()},
      {"metadata_bytes", [](TarLimits& l) { l.metadata_bytes = 2 * sizeof(Entry) + 200; },
       TarBuilder()
           .file(std::string(90, 'a'), "")
           .symlink("victim", std::string(90, 'b'))
           .file("victim/3", "")
           .finish()},
      {"xattr_bytes", [](TarLimits& l) { l.xattr_bytes = 100; },
       TarBuilder()
           .pax({{"SCHILY.xattr.user.x", std::string(101, 'x')}})
           .file("victim", "")
           .finish()}};
  for (const LimitCase& each : cases) {
    TarLimits limits;
    each.set(limits);
    expect_error(Errc::invalid, {"layer-x", each.name, "victim"},
                 [&] { read_tar(each.tar, limits); });
    EXPECT_GT(read_tar(each.tar).members.size(), 0u);
  }
}

TEST(TarReader, a_time_before_1970_keeps_its_fraction) {
  TarBuilder tar;
  tar.pax({{"mtime", "-1.5"}}).file("a", "");
  tar.pax({{"mtime", "-1000000000.000000001"}}).file("b", "");
  tar.pax({{"mtime", "-2"}}).file("c", "");
  tar.pax({{"mtime", "1.25"}}).file("d", "");
  const Read read = read_tar(tar.finish());
  const auto mtime = [&](std::size_t i) { return read.members.at(i).entry.mtime; };
  EXPECT_EQ(mtime(0), (Timestamp{-2, 500'000'000}));
  EXPECT_EQ(mtime(1), (Timestamp{-1'000'000'001, 999'999'999}));
  EXPECT_EQ(mtime(2), (Timestamp{-2, 0}));
  EXPECT_EQ(mtime(3), (Timestamp{1, 250'000'000}));
}

TEST(TarReader, a_bomb_hits_the_ratio_limit) {
  for (const Compression kind : {Compression::gzip, Compression::zstd}) {
    tests::MemoryBlobs blobs;
    const auto layer =
        write_layer(blobs, {file_item("zeros", std::string(32 << 20, '\0'))}, {kind});
    const std::string blob = blobs.content(layer.descriptor.digest);
    TarLimits limits;
    limits.ratio = 500;
    limits.ratio_floor_bytes = 8 << 20;
    expect_error(Errc::invalid, {"layer-x", "ratio", "zeros"}, [&] { read_tar(blob, limits); });
    limits.ratio_floor_bytes = 64 << 20;
    EXPECT_EQ(read_tar(blob, limits).members.size(), 1u);
  }
}

TEST(TarReader, a_bomb_of_holes_hits_the_ratio_limit) {
  std::string map = "1\n1073741824\n0\n";
  map.resize(512, '\0');
  TarBuilder tar;
  tar.pax({{"GNU.sparse.major", "1"},
           {"GNU.sparse.minor", "0"},
           {"GNU.sparse.name", "holes"},
           {"GNU.sparse.realsize", "1073741824"}});
  tar.raw('0', "GNUSparseFile.0/holes", "", map.size(), map, {});
  TarLimits limits;
  limits.ratio_floor_bytes = 8 << 20;
  expect_error(Errc::invalid, {"ratio", "holes"}, [&] { read_tar(tar.finish(), limits); });
}

TEST(TarReader, a_huge_extended_header_is_refused) {
  const std::string body = "2000000 path=" + std::string(2'000'000 - 14, 'p') + "\n";
  const std::string tar =
      TarBuilder().raw('x', "x", "", body.size(), body, {}).file("f", "").finish();
  try {
    read_tar(tar);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_TRUE(error.code() == Errc::corrupt || error.code() == Errc::invalid) << error.what();
  }
  // One that declares more than there is.
  expect_error(Errc::corrupt, {"layer-x"}, [&] {
    read_tar(TarBuilder().raw('x', "x", "", std::uint64_t{1} << 32, "", {}).finish());
  });
}

// Between two members the end is taken for the end (only the diffID can tell); anywhere else it is
// damage.
TEST(TarReader, truncation_at_every_offset) {
  TarBuilder builder;
  builder.directory("d/");
  std::vector<std::size_t> boundaries = {0, builder.unfinished().size()};
  builder.file("d/f", std::string(700, 'f'));
  boundaries.push_back(builder.unfinished().size());
  builder.pax({{"path", std::string(150, 'p')}}).file("x", "y");
  boundaries.push_back(builder.unfinished().size());
  const std::string tar = builder.finish();
  for (std::size_t size = 0; size < builder.unfinished().size(); ++size) {
    SCOPED_TRACE(size);
    if (std::find(boundaries.begin(), boundaries.end(), size) != boundaries.end()) {
      EXPECT_NO_THROW(read_tar(tar.substr(0, size)));
    } else {
      expect_error(Errc::corrupt, {"layer-x"}, [&] { read_tar(tar.substr(0, size)); });
    }
  }
}

TEST(TarReader, a_damaged_header_is_corrupt) {
  std::string tar = TarBuilder().file("f", "x").finish();
  tar[100] = '9';
  expect_error(Errc::corrupt, {"layer-x"}, [&] { read_tar(tar); });
  expect_error(Errc::corrupt, {"layer-x"},
               [&] { read_tar("this is no tar at all, not even nearly"); });
}

TEST(TarReader, the_diff_id_covers_what_follows_the_end) {
  const std::string tar = TarBuilder().file("f", "x").finish() + std::string(70'000, '\0') + "tail";
  TarReader reader(source_of(tar), {}, "layer-x", TarKind::layer, true);
  while (reader.next()) {
  }
  EXPECT_EQ(reader.diff_id(), oci::DiffId{oci::sha256(tar)});
}

TEST(TarReader, a_failing_source_fails_with_its_own_error) {
  class Failing : public ByteSource {
   public:
    std::size_t read(std::span<std::byte>) override { throw Error(Errc::network, "cable cut"); }
  };
  expect_error(Errc::network, {"cable cut"}, [] {
    TarReader reader(std::make_unique<Failing>(), {}, "layer-x", TarKind::layer);
    (void)reader.next();
  });
}

}  // namespace
}  // namespace cooper::layers
