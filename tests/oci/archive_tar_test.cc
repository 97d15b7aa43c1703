#include "oci/archive_tar.h"

#include <functional>

#include "tests/oci/expect_error.h"

namespace cooper::oci {
namespace {

using tests::expect_error;
using Kind = ArchiveEntry::Kind;

std::string written(const std::function<void(ArchiveTarWriter&)>& fill) {
  StringSink out;
  ArchiveTarWriter tar(out);
  fill(tar);
  tar.close();
  return out.text;
}

// One entry as foreign writers make it: a header with a right checksum, then content and padding.
std::string entry(const std::string& name, char type, const std::string& content,
                  const std::function<void(std::string&)>& change = {}) {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  char size[13];
  std::snprintf(size, sizeof size, "%011o", static_cast<unsigned>(content.size()));
  header.replace(124, 11, size, 11);
  header[156] = type;
  header.replace(257, 8, "ustar\00000", 8);
  if (change) change(header);
  header.replace(148, 8, "        ");
  unsigned sum = 0;
  for (const char byte : header) sum += static_cast<unsigned char>(byte);
  char text[8];
  std::snprintf(text, sizeof text, "%06o", sum);
  header.replace(148, 7, text, 7);
  return header + content + std::string((512 - content.size() % 512) % 512, '\0');
}

const std::string kEnd(1024, '\0');

std::string pax_record(const std::string& key, const std::string& value) {
  const std::string body = " " + key + "=" + value + "\n";
  std::size_t length = body.size() + 1;
  while (std::to_string(length).size() + body.size() != length) ++length;
  return std::to_string(length) + body;
}

struct Listed {
  Kind kind;
  std::string name;
  std::string content;
  friend bool operator==(const Listed&, const Listed&) = default;
};

std::vector<Listed> list(std::string text) {
  MemorySource source(std::move(text));
  ArchiveTarReader tar(source);
  std::vector<Listed> result;
  while (const auto found = tar.next()) {
    result.push_back({found->kind, found->name, read_all(tar, 1 << 20, "x")});
    EXPECT_EQ(found->size_bytes, result.back().content.size());
    if (!found->link_target.empty()) result.back().content = "-> " + found->link_target;
  }
  EXPECT_FALSE(tar.next());
  return result;
}

TEST(ArchiveTar, golden_header) {
  const std::string text = written([](ArchiveTarWriter& tar) { tar.add_file("a", "hi"); });
  ASSERT_EQ(text.size(), 512U + 512U + 1024U);
  std::string header =
      "a" + std::string(99, '\0') +
      std::string("0000644\0000000000\0000000000\00000000000002\00000000000000\0", 48);
  header += std::string("007000\0 0", 9) + std::string(100, '\0') + std::string("ustar\00000", 8);
  header +=
      std::string(64, '\0') + std::string("0000000\0000000000\0", 16) + std::string(167, '\0');
  ASSERT_EQ(header.size(), 512U);
  // The sum as tar(5) defines it, computed apart from the writer.
  unsigned sum = 0;
  for (std::size_t i = 0; i < 512; ++i)
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(header[i]);
  char digits[8];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  header.replace(148, 6, digits, 6);
  EXPECT_EQ(text.substr(0, 512), header);
  EXPECT_EQ(text.substr(512), "hi" + std::string(510 + 1024, '\0'));
}

TEST(ArchiveTar, what_is_written_reads_back) {
  const std::string big(1500, 'x');
  EXPECT_EQ(list(written([&](ArchiveTarWriter& tar) {
              tar.add_directory("d/");
              tar.add_file("d/empty", "");
              tar.add_file("d/exact", std::string(512, 'y'));
              MemorySource content(big);
              tar.add_file("d/big", big.size(), content);
            })),
            (std::vector<Listed>{{Kind::directory, "d/", ""},
                                 {Kind::file, "d/empty", ""},
                                 {Kind::file, "d/exact", std::string(512, 'y')},
                                 {Kind::file, "d/big", big}}));
}

TEST(ArchiveTar, writer_refuses_what_does_not_fit) {
  StringSink out;
  ArchiveTarWriter tar(out);
  expect_error(Errc::invalid, "does not fit", [&] { tar.add_file(std::string(101, 'n'), ""); });
  MemorySource content("four");
  expect_error(Errc::corrupt, "4 bytes instead of 5", [&] { tar.add_file("n", 5, content); });
}

// A blob of 8 GiB or more does not fit the octal field.
TEST(ArchiveTar, large_sizes_are_base_256) {
  class Zeros : public ByteSource {
   public:
    std::size_t read(std::span<std::byte>) override { return 0; }
  } nothing;
  const std::uint64_t size = (std::uint64_t{1} << 33) + 5;
  StringSink out;
  ArchiveTarWriter tar(out);
  EXPECT_THROW(tar.add_file("n", size, nothing), Error);  // only the header is of interest
  EXPECT_EQ(out.text.substr(124, 12), std::string("\x80\0\0\0\0\0\0\2\0\0\0\5", 12));
  MemorySource source(out.text);
  EXPECT_EQ(ArchiveTarReader(source).next()->size_bytes, size);
  const std::uint64_t fits = size - 6;
  EXPECT_THROW(tar.add_file("n", fits, nothing), Error);
  EXPECT_EQ(out.text.substr(512 + 124, 12), std::string("77777777777\0", 12));
}

TEST(ArchiveTar, reader_knows_the_dialects) {
  const std::string deep = std::string(90, 'p') + "/" + std::string(120, 'q');
  struct Row {
    std::string text;
    Listed expected;
  };
  const Row rows[] = {
      {entry("f", '\0', "v7"), {Kind::file, "f", "v7"}},
      {entry("f", '7', "contiguous"), {Kind::file, "f", "contiguous"}},
      {entry("d/", '0', ""), {Kind::directory, "d/", ""}},
      {entry("c", '3', ""), {Kind::other, "c", ""}},
      {entry("l", '2', "", [](std::string& h) { h.replace(157, 2, "to"); }),
       {Kind::symlink, "l", "-> to"}},
      {entry("l", '1', "", [](std::string& h) { h.replace(157, 2, "to"); }),
       {Kind::hard_link, "l", "-> to"}},
      {entry("name", '0', "x", [](std::string& h) { h.replace(345, 3, "pre"); }),
       {Kind::file, "pre/name", "x"}},
      {entry("f", '0', "x",
             [](std::string& h) {
               h.replace(257, 8, std::string("ustar  \0", 8));
               h[345] = 'z';
             }),
       {Kind::file, "f", "x"}},
      {entry("x", 'x', pax_record("path", deep)) + entry("short", '0', "x"),
       {Kind::file, deep, "x"}},
      {entry("x", 'x', pax_record("size", "3") + pax_record("mtime", "1.5")) +
           entry("f", '0', "abc", [](std::string& h) { h.replace(124, 11, "00000000000"); }),
       {Kind::file, "f", "abc"}},
      {entry("x", 'x', pax_record("linkpath", deep)) + entry("l", '2', ""),
       {Kind::symlink, "l", "-> " + deep}},
      {entry("g", 'g', pax_record("comment", "c")) + entry("f", '0', "x"), {Kind::file, "f", "x"}},
      {entry("././@LongLink", 'L', deep + '\0') + entry("short", '0', "x"),
       {Kind::file, deep, "x"}},
      {entry("././@LongLink", 'K', deep + '\0') + entry("l", '2', ""),
       {Kind::symlink, "l", "-> " + deep}},
      {entry("f", '0', "x", [](std::string& h) { h.replace(124, 12, "         1  "); }),
       {Kind::file, "f", "x"}},
  };
  for (const Row& row : rows) EXPECT_EQ(list(row.text + kEnd), std::vector<Listed>{row.expected});
}

TEST(ArchiveTar, extended_headers_count_for_one_entry) {
  const auto entries = list(entry("x", 'x', pax_record("path", "long")) + entry("a", '0', "") +
                            entry("b", '0', "") + kEnd);
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].name, "long");
  EXPECT_EQ(entries[1].name, "b");
}

TEST(ArchiveTar, reader_takes_record_padding_to_the_end) {
  MemorySource source(entry("f", '0', "x") + kEnd + std::string(9216, '\0'));
  ArchiveTarReader tar(source);
  EXPECT_TRUE(tar.next());
  EXPECT_FALSE(tar.next());
  std::byte byte;
  EXPECT_EQ(source.read({&byte, 1}), 0U);
}

TEST(ArchiveTar, hostile_input_is_refused) {
  const std::string file = entry("f", '0', "x");
  std::string bad_sum = file;
  bad_sum[0] = 'g';
  const auto size_field = [](const std::string& text) {
    return entry("f", '0', "", [&](std::string& h) { h.replace(124, 12, text); }) + kEnd;
  };
  struct Row {
    std::string text;
    std::string phrase;
    Errc code = Errc::corrupt;
  };
  const Row rows[] = {
      {"", "ends too early"},
      {"hello", "ends too early"},
      {std::string(512, 'x') + kEnd, "not an octal number"},
      {bad_sum + kEnd, "checksum is wrong"},
      {file, "ends too early"},
      {file + std::string(512, '\0'), "ends too early"},
      {file + std::string(512, '\0') + file + kEnd, "a single zero block"},
      {size_field("0000000000x\0"), "not an octal number"},
      {size_field("-0000000001\0"), "not an octal number"},
      {size_field(std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12)),
       "negative or too large"},
      {size_field(std::string("\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12)),
       "too large"},
      {size_field(std::string("\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12)), "too large"},
      {size_field("77777777777\0"), "ends too early"},
      {entry("x", 'x', "5 a=b\n") + file + kEnd, "length of a PAX record"},
      {entry("x", 'x', "99 a=b\n") + file + kEnd, "length of a PAX record"},
      {entry("x", 'x', "0 a=b\n") + file + kEnd, "length of a PAX record"},
      {entry("x", 'x', "99999999999999999999999 a=b\n") + file + kEnd, "not a number"},
      {entry("x", 'x', "-6 a=b\n") + file + kEnd, "not a number"},
      {entry("x", 'x', "abc") + file + kEnd, "no length"},
      {entry("x", 'x', "5 ab\n") + file + kEnd, "no key"},
      {entry("x", 'x', pax_record("size", "-1")) + file + kEnd, "not a number"},
      {entry("x", 'x', pax_record("size", "9223372036854775807")) + file + kEnd, "too large"},
      {entry("x", 'x', pax_record("path", "p")) + kEnd, "after an extended header"},
      {entry("x", 'L', "name") + kEnd, "after an extended header"},
      {entry("x", 'x', pax_record("path", std::string(5000, 'p'))) + file + kEnd, "longer than"},
      {entry("x", 'x', std::string((1 << 20) + 1, 'p')) + file + kEnd, "too large"},
      {entry("x", 'L', std::string((1 << 20) + 1, 'p')) + file + kEnd, "too large"},
      {entry("f", 'S', "") + kEnd, "sparse", Errc::unsupported},
      {entry("x", 'x', pax_record("GNU.sparse.major", "1")) + file + kEnd, "sparse",
       Errc::unsupported},
      {"\x1f\x8b\x08 and so on", "compressed with gzip", Errc::invalid},
      {"\x1f\x8b" + std::string(2000, 'x'), "compressed with gzip", Errc::invalid},
      {"\x28\xb5\x2f\xfd" + std::string(2000, 'x'), "compressed with zstd", Errc::invalid},
      {"BZh91AY" + std::string(2000, 'x'), "compressed with bzip2", Errc::invalid},
      {std::string("\xfd"
                   "7zXZ\0",
                   6) +
           std::string(2000, 'x'),
       "compressed with xz", Errc::invalid},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.phrase);
    expect_error(row.code, row.phrase, [&] { list(row.text); });
  }
}

TEST(ArchiveTar, too_many_entries_are_refused) {
  std::string text;
  const std::string one = entry("f", '5', "");
  for (int i = 0; i <= 100'000; ++i) text += one;
  expect_error(Errc::corrupt, "more than 100000 entries", [&] { list(text + kEnd); });
}

}  // namespace
}  // namespace cooper::oci
