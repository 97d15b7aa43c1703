#include "layers/table.h"

#include <fcntl.h>

#include <chrono>

#include "layers/table_format.h"
#include "tests/layers/layer_support.h"

namespace cooper::layers {
namespace {

Entry full_entry() {
  Entry entry = file_item("usr/bin/ping", "x", 04755).entry;
  entry.uid = 4'000'000'000u;
  entry.gid = 65534;
  entry.mtime = {-5, 999'999'999};
  entry.size_bytes = std::uint64_t{1} << 40;
  entry.xattrs["security.capability"] = std::string("\x01\x00\x00\x02", 4);
  entry.xattrs["user.empty"] = "";
  entry.content = oci::ContentDigest{oci::sha256("x")};
  return entry;
}

Table sample() {
  Entry renamed = link_item("usr/bin/\xff\xfe", std::string(5000, 'y')).entry;
  return Table({dir_item("").entry, dir_item("usr", 01777, true).entry,
                device_item("usr/null", EntryType::char_device, 1, 3).entry, full_entry(), renamed,
                whiteout_item("etc").entry, hard_item("usr/b", "usr/a").entry});
}

// All of a table's rows, as whoever needs them reads them.
std::vector<Entry> rows_of(std::string bytes) {
  return Table::parse(std::move(bytes), "t").entries();
}

TEST(Table, sorts_in_tree_path_order_and_keeps_the_last_of_equal_paths) {
  const Table table({file_item("a.b", "1").entry, file_item("a/x", "22").entry, dir_item("a").entry,
                     file_item("a.b", "333").entry});
  ASSERT_EQ(table.entries().size(), 3u);
  EXPECT_EQ(table.entries()[0].path, at("a"));
  EXPECT_EQ(table.entries()[1].path, at("a/x"));
  EXPECT_EQ(table.entries()[2].path, at("a.b"));
  EXPECT_EQ(table.entries()[2].size_bytes, 3u);
}

TEST(Table, finds_rows_and_ranges) {
  const Table table({dir_item("a").entry, file_item("a/x", "").entry, file_item("a/y", "").entry,
                     file_item("a.b", "").entry, dir_item("b").entry});
  EXPECT_EQ(table.find(at("a/y"))->path, at("a/y"));
  EXPECT_EQ(table.find(at("a/z")), nullptr);
  EXPECT_EQ(table.range(at("a")), (std::pair<std::size_t, std::size_t>{0, 3}));
  EXPECT_EQ(table.range(TreePath()), (std::pair<std::size_t, std::size_t>{0, 5}));
  EXPECT_EQ(table.range(at("zz")), (std::pair<std::size_t, std::size_t>{5, 5}));
}

TEST(Table, parse_gives_back_what_serialize_took) {
  const Table table = sample();
  const Table again = Table::parse(table.serialize(), "t");
  EXPECT_EQ(again.rows(), table.rows());
  EXPECT_FALSE(again.settled()) << "its hard link has no first name";
  EXPECT_EQ(again.entries(), table.entries());
  EXPECT_EQ(rows_of(Table().serialize()).size(), 0u);
  EXPECT_TRUE(Table::parse(Table({dir_item("").entry}).serialize(), "t").settled());
}

TEST(Table, single_rows_of_a_stored_table_are_found) {
  std::vector<Entry> entries{dir_item("").entry, dir_item("d").entry};
  for (int i = 0; i < 500; ++i) entries.push_back(file_item(cat("d/f", 3 * i), cat(i)).entry);
  const Table table(entries);
  const std::string bytes = table.serialize();
  const TempDir place = TempDir::in_host_tmp("cooper-test-");
  const UniqueFd file = place.dir().open_file(at("t"), O_RDWR | O_CREAT, 0600);
  FdSink(file.get(), "t").write(as_bytes(bytes));
  const Table stored = Table::open(file, "t").value();
  for (const Entry& entry : table.entries()) {
    EXPECT_EQ(stored.look_up(entry.path), entry);
    EXPECT_EQ(table.look_up(entry.path), entry);
  }
  for (const char* absent : {"a", "c", "d/f1", "d/f", "d/f99999", "d/", "d0", "z"}) {
    if (at(absent) == at("d")) continue;
    EXPECT_FALSE(stored.look_up(at(absent))) << absent;
  }
  EXPECT_EQ(stored.entries(), table.entries());
  EXPECT_FALSE(Table::parse(Table().serialize(), "t").look_up(at("a")));
}

TEST(Table, another_version_of_the_format_is_no_table) {
  const TempDir place = TempDir::in_host_tmp("cooper-test-");
  const auto opened = [&](const std::string& text) {
    const UniqueFd file = place.dir().open_file(at("t"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    FdSink(file.get(), "t").write(as_bytes(text));
    return Table::open(file, "some-layer");
  };
  EXPECT_FALSE(opened("cooper table 1\n" + std::string(40, 'x')));
  EXPECT_FALSE(opened("cooper table 11\n"));
  expect_error(Errc::corrupt, {"some-layer"}, [&] { opened(""); });
  expect_error(Errc::corrupt, {"some-layer"},
               [&] { opened("something else altogether, and long"); });
}

TEST(Table, truncation_at_every_offset_is_corrupt) {
  const std::string bytes = sample().serialize();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    SCOPED_TRACE(size);
    expect_error(Errc::corrupt, {"t"}, [&] { rows_of(bytes.substr(0, size)); });
  }
}

TEST(Table, any_flipped_byte_is_corrupt) {
  const std::string bytes = sample().serialize();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x21);
    SCOPED_TRACE(i);
    expect_error(Errc::corrupt, {"t"}, [&] { rows_of(damaged); });
    try {
      // A look-up that comes by the damage tells it, too, and never gives another row.
      const auto row = Table::parse(damaged, "t").look_up(at("usr/null"));
      EXPECT_EQ(row, sample().look_up(at("usr/null")));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::corrupt);
    }
  }
}

// Behind a right checksum the rows themselves are checked: every truncation and every byte value at
// every offset either parses or is corrupt, and never does anything else.
TEST(Table, rows_behind_a_valid_checksum_never_crash) {
  TableEncoder encoder;
  const Table table = sample();
  for (const Entry& entry : table.entries()) encoder.row(entry);
  const std::string body = encoder.text();
  const auto read = [](const std::string& text) {
    const std::string name = "t";
    TableDecoder decoder(text, name);
    Entry before;
    for (std::size_t i = 0; i < sample().rows(); ++i) {
      Entry entry;
      decoder.row(entry, i > 0 ? &before : nullptr);
      before = std::move(entry);
    }
    decoder.finish();
  };
  read(body);
  for (std::size_t size = 0; size < body.size(); ++size) {
    expect_error(Errc::corrupt, {"t"}, [&] { read(body.substr(0, size)); });
  }
  for (std::size_t i = 0; i < std::min<std::size_t>(body.size(), 300); ++i) {
    for (const int value : {0x00, 0x7f, 0x80, 0xff}) {
      std::string damaged = body;
      damaged[i] = static_cast<char>(value);
      try {
        read(damaged);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Errc::corrupt);
      }
    }
  }
}

TEST(Table, paths_that_are_not_normal_or_not_ascending_are_corrupt) {
  const auto row = [](std::string_view path) {
    std::string text(1, '\0');
    text += '\0';
    text += static_cast<char>(path.size());
    text += path;
    return text + std::string(5, '\0');
  };
  const auto read = [](const std::string& text, int rows) {
    const std::string name = "t";
    TableDecoder decoder(text, name);
    std::vector<Entry> entries(static_cast<std::size_t>(rows));
    for (std::size_t i = 0; i < entries.size(); ++i) {
      decoder.row(entries[i], i > 0 ? &entries[i - 1] : nullptr);
    }
  };
  for (const std::string_view path : {"../x", "a/../b", "/a", "a/", "a//b", "./a", "."}) {
    expect_error(Errc::corrupt, {"t"}, [&] { read(row(path), 1); });
  }
  read(row("a") + row("b"), 2);
  expect_error(Errc::corrupt, {"t"}, [&] { read(row("b") + row("a"), 2); });
  expect_error(Errc::corrupt, {"t"}, [&] { read(row("a") + row("a"), 2); });
}

TEST(Table, CACHE_20_content_digest_takes_mtimes_as_told_and_all_else_as_it_is) {
  const Entry base = full_entry();
  const auto digest = [](const Entry& entry) {
    return Table({entry}).content_digest([](const Entry&) { return Timestamp(); });
  };
  EXPECT_NE(digest(base), Table({base}).content_digest([](const Entry&) {
    return Timestamp{1, 0};
  }));
  Entry other = base;
  other.mtime = {7, 8};
  EXPECT_EQ(digest(other), digest(base));
  const std::vector<std::function<void(Entry&)>> changes = {
      [](Entry& e) { e.path = at("usr/bin/pong"); },
      [](Entry& e) { e.mode = 0755; },
      [](Entry& e) { e.uid = 1; },
      [](Entry& e) { e.gid = 1; },
      [](Entry& e) { e.size_bytes = 2; },
      [](Entry& e) { e.type = EntryType::fifo; },
      [](Entry& e) { e.link_target = "x"; },
      [](Entry& e) { e.device_major = 1; },
      [](Entry& e) { e.device_minor = 1; },
      [](Entry& e) { e.opaque = true; },
      [](Entry& e) { e.xattrs.clear(); },
      [](Entry& e) { e.content = oci::ContentDigest{oci::sha256("y")}; }};
  for (const auto& change : changes) {
    Entry changed = base;
    change(changed);
    EXPECT_NE(digest(changed), digest(base)) << describe(changed);
  }
}

TEST(Table, content_digest_needs_known_content) {
  expect_error(Errc::invalid, {"/f"}, [] {
    (void)Table({file_item("f", "x").entry}).content_digest([](const Entry&) {
      return Timestamp();
    });
  });
}

}  // namespace
}  // namespace cooper::layers
