#include "layers/tar_writer.h"

#include <sys/stat.h>

#include <clocale>
#include <fstream>

#include "oci/digest.h"
#include "tests/layers/layer_support.h"

namespace cooper::layers {
namespace {

std::string written(const std::vector<Item>& items) {
  StringSink out;
  TarWriter writer(out);
  for (const Item& item : items) {
    MemorySource content(item.content);
    writer.add(item.entry, item.entry.type == EntryType::file ? &content : nullptr);
  }
  writer.finish();
  return out.text;
}

std::string_view field(const std::string& tar, std::size_t offset, std::size_t size) {
  const std::string_view text = std::string_view(tar).substr(offset, size);
  return text.substr(0, text.find('\0'));
}

// Everything a layer can hold, with names and numbers at and past the bounds of ustar.
std::vector<Item> golden_items() {
  std::vector<Item> items = {dir_item(""), dir_item("dev", 0755, true)};
  items.push_back(device_item("dev/null", EntryType::char_device, 1, 3));
  items.push_back(device_item("dev/sda", EntryType::block_device, 8, 0));
  items.push_back(whiteout_item("etc"));
  items.push_back(fifo_item("pipe"));
  items.push_back(file_item("setuid", "#!", 06755));
  items.back().entry.xattrs["security.capability"] = std::string("\x01\x00\x00\x02\x00=\n", 7);
  Item big_ids = file_item("u", std::string(513, 'u'));
  big_ids.entry.uid = 1u << 21;
  big_ids.entry.gid = 4'294'967'294u;
  items.push_back(big_ids);
  items.push_back(hard_item("u2", "u"));
  items.push_back(file_item("v\xff\xfe", "raw bytes"));
  items.push_back(dir_item(std::string(90, 'w') + "/" + std::string(40, 'w')));
  items.push_back(link_item("x", std::string(101, 't')));
  items.push_back(file_item(std::string(101, 'y'), "long name"));
  Item old_file = file_item("z", "");
  old_file.entry.mtime.seconds = -1;
  items.push_back(old_file);
  return items;
}

TEST(TarWriter, IMG_14_golden_bytes_whatever_the_locale_and_umask) {
  std::ifstream golden(COOPER_TESTDATA "/layers/tar_writer/golden.sha256");
  std::string expected;
  golden >> expected;
  const mode_t umask_before = ::umask(077);
  for (const char* locale : {"C", "C.UTF-8", "POSIX"}) {
    ASSERT_NE(std::setlocale(LC_ALL, locale), nullptr) << locale;
    EXPECT_EQ(oci::sha256(written(golden_items())).hex(), expected) << locale;
  }
  std::setlocale(LC_ALL, "C");
  ::umask(umask_before);
}

TEST(TarWriter, a_plain_file_is_one_ustar_header) {
  Item item = file_item("dir/name", "hello", 0640);
  item.entry.uid = 1000;
  item.entry.gid = 65534;
  const std::string tar = written({item});
  ASSERT_EQ(tar.size(), 512u + 512 + 1024);
  EXPECT_EQ(field(tar, 0, 100), "dir/name");
  EXPECT_EQ(field(tar, 100, 8), "0000640");
  EXPECT_EQ(field(tar, 108, 8), "0001750");
  EXPECT_EQ(field(tar, 116, 8), "0177776");
  EXPECT_EQ(field(tar, 124, 12), "00000000005");
  EXPECT_EQ(field(tar, 136, 12), "13727410000");
  EXPECT_EQ(field(tar, 156, 1), "0");
  EXPECT_EQ(field(tar, 257, 6), "ustar");
  EXPECT_EQ(field(tar, 265, 32), "");
  EXPECT_EQ(field(tar, 297, 32), "");
  EXPECT_EQ(field(tar, 512, 10), "hello");
  EXPECT_EQ(tar.substr(1024), std::string(1024, '\0'));
}

TEST(TarWriter, names_are_split_at_a_slash_when_they_can_be) {
  const std::string tar =
      written({file_item(std::string(155, 'a') + "/" + std::string(100, 'b'), "")});
  EXPECT_EQ(tar.size(), 512u + 1024);
  EXPECT_EQ(tar.substr(0, 100), std::string(100, 'b'));
  EXPECT_EQ(tar.substr(345, 155), std::string(155, 'a'));
  const std::string longer = written({file_item(std::string(156, 'a') + "/b", "")});
  EXPECT_EQ(field(longer, 156, 1), "x");
}

TEST(TarWriter, records_are_only_those_needed_and_sorted) {
  Item item = file_item(std::string(120, 'n'), "");
  item.entry.gid = 3'000'000;
  item.entry.xattrs["security.capability"] = "c";
  const std::string tar = written({item});
  EXPECT_EQ(field(tar, 0, 100), "PaxHeaders.0/" + std::string(87, 'n'));
  EXPECT_EQ(field(tar, 512, 512),
            "38 SCHILY.xattr.security.capability=c\n15 gid=3000000\n130 path=" +
                std::string(120, 'n') + "\n");
}

TEST(TarWriter, IMG_14_whiteouts_are_empty_files_of_time_zero) {
  Item opaque = dir_item("a", 0700, true);
  const std::string tar = written({opaque, whiteout_item("a/gone")});
  EXPECT_EQ(field(tar, 0, 100), "a/");
  EXPECT_EQ(field(tar, 512, 100), "a/.wh..wh..opq");
  EXPECT_EQ(field(tar, 1024, 100), "a/.wh.gone");
  for (const std::size_t header : {512u, 1024u}) {
    EXPECT_EQ(field(tar, header + 100, 8), "0000000");
    EXPECT_EQ(field(tar, header + 136, 12), "00000000000");
    EXPECT_EQ(field(tar, header + 156, 1), "0");
  }
}

TEST(TarWriter, files_past_8_GiB_get_a_size_record) {
  Entry entry = file_item("big", "").entry;
  entry.size_bytes = std::uint64_t{1} << 33;
  StringSink out;
  TarWriter writer(out);
  MemorySource nothing{std::string()};
  expect_error(Errc::io, {"/big", "shorter"}, [&] { writer.add(entry, &nothing); });
  writer.finish();
  EXPECT_EQ(field(out.text, 512, 512), "19 size=8589934592\n");
  EXPECT_EQ(field(out.text, 1024 + 124, 12), "00000000000");
}

TEST(TarWriter, content_must_have_the_size_that_was_said) {
  for (const char* content : {"1234", "123456"}) {
    StringSink out;
    TarWriter writer(out);
    Entry entry = file_item("f", "12345").entry;
    MemorySource source{std::string(content)};
    expect_error(Errc::io, {"/f"}, [&] { writer.add(entry, &source); });
  }
}

TEST(TarWriter, refuses_what_a_reader_would_misread) {
  for (const char* path : {".wh.x", "a/.wh..wh..opq", ".wh.dir/x"}) {
    StringSink out;
    TarWriter writer(out);
    const Item item = file_item(path, "");
    expect_error(Errc::invalid, {path, ".wh."}, [&] { writer.add(item.entry); });
  }
  StringSink out;
  TarWriter writer(out);
  expect_error(Errc::invalid, {"root"}, [&] { writer.add(link_item("", "x").entry); });
  Item odd = file_item("f", "");
  odd.entry.xattrs["user.a=b"] = "1";
  expect_error(Errc::unsupported, {"user.a=b"}, [&] { writer.add(odd.entry); });
}

}  // namespace
}  // namespace cooper::layers
