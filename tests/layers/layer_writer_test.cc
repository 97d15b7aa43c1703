#include "layers/layer_writer.h"

#include "tests/layers/layer_support.h"

namespace cooper::layers {
namespace {

std::vector<Item> sample() {
  Item capable = file_item("bin/ping", "ELF", 0755);
  capable.entry.xattrs["security.capability"] = "cap";
  capable.entry.mtime.nanoseconds = 5;
  return {dir_item(""),
          dir_item("bin"),
          std::move(capable),
          hard_item("bin/ping6", "bin/ping"),
          device_item("dev", EntryType::char_device, 1, 3),
          dir_item("etc", 0700, true),
          fifo_item("etc/pipe"),
          whiteout_item("gone"),
          link_item("sbin", "bin")};
}

TEST(LayerWriter, one_pass_gives_digest_diff_id_size_and_table) {
  for (const Compression kind : {Compression::none, Compression::gzip, Compression::zstd}) {
    tests::MemoryBlobs blobs;
    const WrittenLayer layer = write_layer(blobs, sample(), {kind});
    const std::string blob = blobs.content(layer.descriptor.digest);
    EXPECT_EQ(layer.descriptor.size_bytes, blob.size());
    EXPECT_EQ(layer.descriptor.media_type, layer_media_type(kind));
    const std::string tar = read_all(*make_decompressor(source_of(blob), "blob"), 1 << 20, "tar");
    EXPECT_EQ(layer.diff_id, oci::DiffId{oci::sha256(tar)});
    EXPECT_EQ(layer.tar_bytes, tar.size());
    EXPECT_EQ(layer.table.entries().size(), sample().size());
    EXPECT_EQ(layer.table.find(at("bin/ping"))->content, oci::ContentDigest{oci::sha256("ELF")});
    EXPECT_EQ(blobs.open_writers(), 0u);
  }
}

TEST(LayerWriter, its_table_is_the_one_its_tar_reads_as) {
  tests::MemoryBlobs blobs;
  const WrittenLayer layer = write_layer(blobs, sample());
  const Table read = read_table(blobs.open_blob(layer.descriptor.digest), {}, "layer");
  ASSERT_EQ(read.entries().size(), layer.table.entries().size());
  for (std::size_t i = 0; i < read.entries().size(); ++i) {
    EXPECT_EQ(describe(read.entries()[i]), describe(layer.table.entries()[i]));
    EXPECT_EQ(read.entries()[i], layer.table.entries()[i]);
  }
}

// More rows than one block of a table holds, before the first name and after it.
TEST(LayerWriter, a_link_finds_its_first_name_among_many_rows) {
  std::vector<Item> items = {dir_item("d")};
  for (int i = 100; i < 200; ++i) items.push_back(file_item(cat("d/", i), "x"));
  for (const char* leader : {"d/100", "d/131", "d/132", "d/199"}) {
    tests::MemoryBlobs blobs;
    std::vector<Item> linked = items;
    linked.push_back(hard_item("e", leader));
    const WrittenLayer layer = write_layer(blobs, linked);
    EXPECT_EQ(layer.table.look_up(at("e"))->link_target, leader);
    EXPECT_TRUE(layer.table.settled());
    for (const char* wrong : {"d", "d/200", "c", "f"}) {
      linked.back() = hard_item("e", wrong);
      expect_error(Errc::invalid, {"/e", wrong}, [&] { (void)write_layer(blobs, linked); });
    }
  }
}

TEST(LayerWriter, a_table_without_parents_is_not_settled) {
  for (const auto& items :
       {std::vector{file_item("d/f", "x")}, std::vector{file_item("d", ""), file_item("d/f", "x")},
        std::vector{dir_item("d"), dir_item("d/e"), file_item("d/f/g", "x")}}) {
    tests::MemoryBlobs blobs;
    EXPECT_FALSE(write_layer(blobs, items).table.settled());
  }
  tests::MemoryBlobs blobs;
  EXPECT_TRUE(write_layer(blobs, {}).table.settled());
  EXPECT_TRUE(write_layer(blobs, sample()).table.settled());
}

TEST(LayerWriter, IMG_14_only_capabilities_pass_unless_xattrs_are_kept) {
  for (const bool keep : {false, true}) {
    tests::MemoryBlobs blobs;
    LayerWriter writer(blobs, {Compression::none});
    writer.keep_xattrs(keep);
    Item item = file_item("f", "");
    for (const char* name : {"security.capability", "user.mine", "system.posix_acl_access",
                             "security.selinux", "security.ima", "trusted.overlay.opaque",
                             "user.overlay.opaque", "user.cooper.override"}) {
      item.entry.xattrs[name] = "1";
    }
    writer.add(item.entry);
    const WrittenLayer layer = std::move(writer).finish();
    const Table read = read_table(blobs.open_blob(layer.descriptor.digest), {}, "layer");
    std::vector<std::string> names;
    for (const auto& [name, value] : read.entries().at(0).xattrs) names.push_back(name);
    const std::vector<std::string> few = {"security.capability"};
    const std::vector<std::string> more = {"security.capability", "system.posix_acl_access",
                                           "user.mine"};
    EXPECT_EQ(names, keep ? more : few);
  }
}

Fingerprint fingerprint_of(std::string_view text) {
  Fingerprinter fingerprinter;
  fingerprinter.update(as_bytes(text));
  return fingerprinter.finish();
}

TEST(LayerWriter, bytes_that_are_not_what_the_entry_says_are_told_by_name) {
  for (const bool has_fingerprint : {false, true}) {
    tests::MemoryBlobs blobs;
    LayerWriter writer(blobs, {});
    Entry file = file_item("f", "data").entry;
    file.content = oci::ContentDigest{oci::sha256("data")};
    if (has_fingerprint) file.fingerprint = fingerprint_of("data");
    MemorySource changed("date");
    expect_error(Errc::io, {"/f", "content changed"}, [&] { writer.add(file, &changed); });
  }
}

// Known by its fingerprint the file is not hashed again: the digest stays what was said.
TEST(LayerWriter, a_fingerprint_answers_for_the_digest) {
  tests::MemoryBlobs blobs;
  LayerWriter writer(blobs, {});
  Entry file = file_item("f", "data").entry;
  file.content = oci::ContentDigest{oci::sha256("something else")};
  file.fingerprint = fingerprint_of("data");
  MemorySource same("data");
  writer.add(file, &same);
  const WrittenLayer layer = std::move(writer).finish();
  const Entry row = layer.table.look_up(at("f")).value();
  EXPECT_EQ(row.content, file.content);
  EXPECT_FALSE(row.fingerprint);
}

TEST(LayerWriter, ERR_06_it_ends_when_stop_is_requested_within_a_file_too) {
  struct Interrupting : ByteSource {
    std::size_t read(std::span<std::byte> into) override {
      stop.request_stop();
      std::fill(into.begin(), into.end(), std::byte{'x'});
      return into.size();
    }
    std::stop_source stop;
  };
  tests::MemoryBlobs blobs;
  LayerWriter writer(blobs, {Compression::none});
  Interrupting content;
  writer.end_when(content.stop.get_token());
  Entry file = file_item("f", "").entry;
  file.size_bytes = std::uint64_t{1} << 40;
  expect_error(Errc::cancelled, {"interrupted"}, [&] { writer.add(file, &content); });
  expect_error(Errc::cancelled, {"interrupted"}, [&] { writer.add(dir_item("g").entry); });
}

TEST(LayerWriter, entries_out_of_order_are_refused) {
  for (const auto& [first, second] : {std::pair("b", "a"), {"a", "a"}, {"a.b", "a/b"}}) {
    tests::MemoryBlobs blobs;
    LayerWriter writer(blobs, {});
    writer.add(file_item(first, "").entry);
    expect_error(Errc::invalid, {"order", first, second},
                 [&] { writer.add(file_item(second, "").entry); });
  }
}

TEST(LayerWriter, hard_links_need_an_earlier_file) {
  for (const char* first : {"absent", "dir", "gone", "z", "../a"}) {
    tests::MemoryBlobs blobs;
    LayerWriter writer(blobs, {});
    writer.add(file_item("a", "").entry);
    writer.add(dir_item("dir").entry);
    writer.add(whiteout_item("gone").entry);
    expect_error(Errc::invalid, {"/h", first}, [&] { writer.add(hard_item("h", first).entry); });
  }
}

TEST(LayerWriter, attributes_are_written_with_the_first_name_only) {
  tests::MemoryBlobs blobs;
  Item first = file_item("a", "x");
  first.entry.xattrs["security.capability"] = "cap";
  Item link = hard_item("b", "a");
  link.entry.xattrs = first.entry.xattrs;
  const WrittenLayer layer = write_layer(blobs, {first, link});
  EXPECT_EQ(layer.tar_bytes, 2u * 512 + 2 * 512 + 512 + 1024);  // record, file, link, end
  EXPECT_TRUE(layer.table.find(at("b"))->xattrs.empty());
}

TEST(LayerWriter, nothing_is_left_behind_without_finish) {
  tests::MemoryBlobs blobs;
  {
    LayerWriter writer(blobs, {});
    writer.add(dir_item("a").entry);
    EXPECT_EQ(blobs.open_writers(), 1u);
  }
  EXPECT_EQ(blobs.open_writers(), 0u);
  EXPECT_EQ(blobs.count(), 0u);
}

TEST(LayerWriter, a_store_that_refuses_write_n_for_every_n) {
  for (const Compression kind : {Compression::none, Compression::gzip, Compression::zstd}) {
    bool failed = true;
    for (std::size_t n = 1; failed; ++n) {
      tests::MemoryBlobs blobs;
      blobs.fail_at_write(n);
      failed = false;
      try {
        (void)write_layer(blobs, {file_item("f", std::string(900'000, 'f'))}, {kind});
      } catch (const Error& error) {
        failed = true;
        EXPECT_EQ(error.code(), Errc::io);
        EXPECT_EQ(blobs.count(), 0u);
      }
      EXPECT_EQ(blobs.open_writers(), 0u);
      ASSERT_LT(n, 1000u);
    }
  }
}

TEST(LayerWriter, bytes_other_than_those_the_entry_is_known_for_are_refused) {
  tests::MemoryBlobs blobs;
  Item known = file_item("f", "new");
  known.entry.content = oci::ContentDigest{oci::sha256("new")};
  EXPECT_EQ(write_layer(blobs, {known}).table.find(at("f"))->content, known.entry.content);
  known.entry.content = oci::ContentDigest{oci::sha256("old")};
  expect_error(Errc::io, {"/f", "changed"}, [&] { (void)write_layer(blobs, {known}); });
}

TEST(LayerWriter, an_empty_layer_is_two_blocks) {
  EXPECT_EQ(tar_of({}), std::string(1024, '\0'));
}

}  // namespace
}  // namespace cooper::layers
