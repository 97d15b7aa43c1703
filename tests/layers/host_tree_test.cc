#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "layers/digest_memory.h"
#include "tests/layers/copy_support.h"

namespace cooper::layers {
namespace {

constexpr Timestamp kNow = {1'900'000'000, 0};

class TakeAll : public WalkGuide {
 public:
  WalkChoice choose(const TreePath&, bool) const override { return {}; }
};

std::string paths(const std::vector<Entry>& entries) {
  std::string text;
  for (const Entry& entry : entries) text += (text.empty() ? "" : " ") + entry.path.str();
  return text;
}

std::string walked(const Tree& tree, const char* top = "") { return paths(tree.walk(at(top), TakeAll()).entries); }

TEST(HostTree, CTX_03_files_belong_to_root) {
  Context context;
  context.file("f", "12345", 04751).dir("d", 01777).link("l", "any where").touch("f", {1234, 567'890'123});
  if (::geteuid() == 0) {
    ASSERT_EQ(::lchown(context.host_path("f").c_str(), 1000, 1000), 0);
    ASSERT_EQ(::chmod(context.host_path("f").c_str(), 04751), 0);
  }
  const auto tree = context.tree();
  const Entry file = tree->find(at("f")).value();
  EXPECT_EQ(describe(file), "/f file 4751 0:0 @1234 size=5");
  EXPECT_EQ(file.mtime.nanoseconds, 567'890'123U);
  EXPECT_EQ(describe(tree->find(at("d")).value()).substr(0, 21), "/d directory 1777 0:0");
  EXPECT_EQ(tree->find(at("l")).value().link_target, "any where");
  EXPECT_EQ(tree->find(TreePath()).value().type, EntryType::directory);
  EXPECT_EQ(read_content(*tree, "f"), "12345");
  EXPECT_EQ(tree->content_digest(file), oci::ContentDigest{oci::sha256(std::string_view("12345"))});
}

TEST(HostTree, looks_like_lstat) {
  Context context;
  context.file("d/f").link("l", "d").file("plain");
  for (const bool openat2 : {true, false}) {
    const bool before = set_openat2_allowed(openat2);
    const auto tree = context.tree();
    EXPECT_TRUE(tree->find(at("d/f")));
    for (const char* absent : {"l/f", "plain/x", "none", "none/x", "d/f/x"}) {
      EXPECT_FALSE(tree->find(at(absent))) << absent;
      EXPECT_TRUE(tree->children(at(absent)).empty()) << absent;
    }
    EXPECT_TRUE(tree->children(at("l")).empty());
    EXPECT_EQ(paths(tree->children(TreePath())), "d l plain");
    EXPECT_EQ(paths(tree->children(at("d"))), "d/f");
    set_openat2_allowed(before);
  }
}

TEST(HostTree, walks_in_tree_order) {
  Context context;
  context.file("a/x").file("a.b").file("a-b").file("B").file("\xc3\xa9").file("a/\x01").dir("empty");
  EXPECT_EQ(walked(*context.tree()), "B a a/\x01 a/x a-b a.b empty \xc3\xa9");
  EXPECT_EQ(walked(*context.tree(), "a"), "\x01 x");
}

TEST(HostTree, special_files) {
  Context context;
  context.fifo("pipe").socket("socket").file("f");
  EXPECT_EQ(walked(*context.tree()), "f pipe");
  EXPECT_FALSE(context.tree()->find(at("socket")));
  EXPECT_EQ(context.tree()->find(at("pipe")).value().type, EntryType::fifo);
}

TEST(HostTree, hard_links_in_one_walk) {
  Context context;
  context.file("b", "same").hard("a", "b").hard("c/d", "b").file("alone");
  const Walked all = context.tree()->walk(TreePath(), TakeAll());
  ASSERT_EQ(paths(all.entries), "a alone b c c/d");
  EXPECT_EQ(all.entries[0].link_target, "");
  EXPECT_EQ(all.entries[2].link_target, "a");
  EXPECT_EQ(all.entries[4].link_target, "a");
  EXPECT_EQ(all.entries[4].type, EntryType::file);
}

TEST(HostTree, IGNORE_04_05_06_08_filters) {
  Context context;
  context.file("a").file("keep/x").file("keep/y").file("drop/x").file("other/deep/z");
  const struct {
    const char* row;
    std::vector<std::string> patterns;
    const char* expected;
  } cases[] = {
      {"none", {}, "a drop drop/x keep keep/x keep/y other other/deep other/deep/z"},
      {"IGNORE_05", {"drop"}, "a keep keep/x keep/y other other/deep other/deep/z"},
      {"IGNORE_06", {"x"}, "a drop drop/x keep keep/x keep/y other other/deep other/deep/z"},
      {"IGNORE_07", {"**/x"}, "a drop keep keep/y other other/deep other/deep/z"},
      {"IGNORE_08", {"*", "!keep/x"}, "keep keep/x"},
      {"IGNORE_08_deep", {"*", "!other/deep/z"}, "other other/deep other/deep/z"},
      {"IGNORE_04", {"*", "!keep", "keep/y"}, "keep keep/x"},
  };
  for (const auto& c : cases) {
    const auto tree = context.tree({filter(c.patterns), nullptr, 1});
    EXPECT_EQ(walked(*tree), c.expected) << c.row;
  }
  const auto tree = context.tree({filter({"*", "!other/deep/z"}), nullptr, 1});
  EXPECT_TRUE(tree->find(at("other")));
  EXPECT_FALSE(tree->find(at("keep"))) << "nothing of it is left";
  EXPECT_FALSE(tree->find(at("a")));
  EXPECT_EQ(paths(tree->children(TreePath())), "other");
  EXPECT_EQ(paths(tree->children(at("other"))), "other/deep");
}

TEST(HostTree, an_excluded_directory_is_not_even_opened) {
  Context context;
  context.file("closed/f").file("open/f").dir("closed", 0000);
  EXPECT_EQ(walked(*context.tree({filter({"closed"}), nullptr, 1})), "open open/f");
  if (::geteuid() != 0) {
    expect_error(Errc::denied, {"closed"}, [&] { walked(*context.tree()); });
  }
  context.dir("closed", 0755);
}

TEST(HostTree, an_unreadable_file_is_named) {
  if (::geteuid() == 0) return;  // root reads everything
  Context context;
  context.file("d/secret", "x", 0000);
  expect_error(Errc::denied, {"d/secret"}, [&] { walked(*context.tree()); });
}

TEST(HostTree, changes_are_noticed) {
  Context context;
  context.file("f", std::string(300'000, 'x'));
  const auto tree = context.tree();
  const Entry file = tree->find(at("f")).value();
  const auto source = tree->open(file);
  std::array<std::byte, 1000> buffer;
  ASSERT_EQ(source->read(buffer), buffer.size());
  context.file("f", std::string(300'000, 'y')).touch("f", {kContextTime, 1});
  expect_error(Errc::io, {"/f changed"}, [&] {
    while (source->read(buffer) != 0) {
    }
  });
  expect_error(Errc::io, {"/f changed"}, [&] { tree->open(file); });
  expect_error(Errc::io, {"/f changed"}, [&] { static_cast<void>(tree->content_digest(file)); });
}

TEST(HostTree, growth_and_truncation_are_noticed) {
  for (const std::size_t size : {std::size_t{10}, std::size_t{200'000}}) {
    Context context;
    context.file("f", std::string(100'000, 'x'));
    const auto tree = context.tree();
    const auto source = tree->open(tree->find(at("f")).value());
    std::ofstream(context.host_path("f")) << std::string(size, 'x');
    expect_error(Errc::io, {"/f changed"}, [&] { read_all(*source, 1 << 20, "f"); });
  }
}

TEST(HostTree, a_file_swapped_for_a_link_or_pipe_leads_nowhere) {
  Context context;
  context.file("f").file("g").file("d/h").file("target");
  const auto tree = context.tree();
  const Entry f = tree->find(at("f")).value();
  const Entry g = tree->find(at("g")).value();
  const Entry h = tree->find(at("d/h")).value();
  ::unlink(context.host_path("f").c_str());
  context.link("f", "target");
  ::unlink(context.host_path("g").c_str());
  context.fifo("g");
  ::rename(context.host_path("d").c_str(), context.host_path("moved").c_str());
  context.link("d", "moved");
  for (const Entry& entry : {f, g, h}) EXPECT_THROW(tree->open(entry), Error) << entry.path.str();
}

// -- digests remembered --------------------------------------------------------------------------------
struct CountingMemory : public DigestMemory {
  explicit CountingMemory(DigestMemory& next) : inner(next) {}
  std::optional<oci::ContentDigest> recall(const struct stat& file) override {
    auto found = inner.recall(file);
    (found ? hits : misses)++;
    return found;
  }
  void remember(const struct stat& file, const oci::ContentDigest& digest) override {
    ++remembered;
    inner.remember(file, digest);
  }
  DigestMemory& inner;
  int hits = 0;
  int misses = 0;
  int remembered = 0;
};

oci::ContentDigest digest(const Context& context, DigestMemory& memory) {
  return selection_digest(select(context.tree({nullptr, &memory, 1}), request({"d"})));
}

TEST(DigestMemory, the_second_build_reads_nothing) {
  Context context;
  for (int i = 0; i < 20; ++i) context.file(cat("d/", i), cat(i));
  const TempDir store = TempDir::in_host_tmp("cooper-digests-");
  PackedDigestMemory first(store.dir(), at("context"), kNow);
  CountingMemory counted(first);
  const auto before = digest(context, counted);
  EXPECT_EQ(counted.remembered, 20);
  EXPECT_EQ(counted.hits, 0);
  EXPECT_EQ(digest(context, counted), before);
  EXPECT_EQ(counted.hits, 20);
  first.save();
  PackedDigestMemory second(store.dir(), at("context"), kNow);
  CountingMemory again(second);
  EXPECT_EQ(digest(context, again), before);
  EXPECT_EQ(again.hits, 20);
  EXPECT_EQ(again.misses, 0);
  EXPECT_EQ(again.remembered, 0);
}

TEST(DigestMemory, a_changed_file_is_read_again) {
  Context context;
  context.file("d/f", "one");
  const TempDir store = TempDir::in_host_tmp("cooper-digests-");
  PackedDigestMemory memory(store.dir(), at("context"), kNow);
  const auto before = digest(context, memory);
  context.file("d/f", "other");
  EXPECT_NE(digest(context, memory), before);
  context.file("d/f", "one");
  EXPECT_EQ(digest(context, memory), before);
}

struct stat stat_of(std::int64_t mtime, std::int64_t ctime, std::uint32_t nanoseconds = 0) {
  struct stat status {};
  status.st_dev = 5;
  status.st_ino = 6;
  status.st_size = 7;
  status.st_mtim = {mtime, nanoseconds};
  status.st_ctim = {ctime, nanoseconds};
  return status;
}

const oci::ContentDigest kDigest{oci::sha256(std::string_view("content"))};

TEST(DigestMemory, racy_timestamps_are_not_remembered) {
  const TempDir store = TempDir::in_host_tmp("cooper-digests-");
  const struct {
    std::int64_t mtime;
    std::int64_t ctime;
    std::uint32_t nanoseconds;
    bool kept;
  } cases[] = {{90, 90, 0, true},  {97, 97, 0, true},   {98, 90, 0, false},          {90, 98, 0, false},
               {100, 90, 0, false}, {90, 200, 0, false}, {97, 97, 999'999'999, true}, {98, 98, 1, false}};
  for (const auto& c : cases) {
    PackedDigestMemory memory(store.dir(), at("context"), {100, 0});
    memory.remember(stat_of(c.mtime, c.ctime, c.nanoseconds), kDigest);
    EXPECT_EQ(memory.recall(stat_of(c.mtime, c.ctime, c.nanoseconds)).has_value(), c.kept) << c.mtime << " " << c.ctime;
  }
}

TEST(DigestMemory, every_part_of_the_identity_counts) {
  const TempDir store = TempDir::in_host_tmp("cooper-digests-");
  {
    PackedDigestMemory memory(store.dir(), at("context"), kNow);
    memory.remember(stat_of(10, 20, 30), kDigest);
    memory.save();
  }
  PackedDigestMemory memory(store.dir(), at("context"), kNow);
  EXPECT_EQ(memory.recall(stat_of(10, 20, 30)), kDigest);
  const std::function<void(struct stat&)> changes[] = {
      [](auto& s) { s.st_dev++; },          [](auto& s) { s.st_ino++; },
      [](auto& s) { s.st_size++; },         [](auto& s) { s.st_mtim.tv_sec++; },
      [](auto& s) { s.st_mtim.tv_nsec++; }, [](auto& s) { s.st_ctim.tv_sec++; },
      [](auto& s) { s.st_ctim.tv_nsec++; }};
  for (const auto& change : changes) {
    struct stat other = stat_of(10, 20, 30);
    change(other);
    EXPECT_FALSE(memory.recall(other));
  }
}

TEST(DigestMemory, damage_counts_as_empty) {
  const TempDir store = TempDir::in_host_tmp("cooper-digests-");
  PackedDigestMemory memory(store.dir(), at("context"), kNow);
  memory.remember(stat_of(10, 20), kDigest);
  memory.save();
  const std::string good = store.dir().read_file(at("context"), 1 << 20);
  const auto recalls = [&](const std::string& bytes) {
    std::ofstream(store.host_path() + "/context", std::ios::binary) << bytes;
    return PackedDigestMemory(store.dir(), at("context"), kNow).recall(stat_of(10, 20)).has_value();
  };
  EXPECT_TRUE(recalls(good));
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(recalls(good.substr(0, size))) << size;
  for (std::size_t at_byte = 0; at_byte < good.size(); ++at_byte) {
    std::string bad = good;
    bad[at_byte] = static_cast<char>(bad[at_byte] ^ 1);
    EXPECT_FALSE(recalls(bad)) << at_byte;
  }
  EXPECT_FALSE(recalls(good + "x"));
}

TEST(DigestMemory, saves_only_news_and_forgets_what_nobody_asks_for) {
  const TempDir store = TempDir::in_host_tmp("cooper-digests-");
  {
    PackedDigestMemory memory(store.dir(), at("context"), kNow);
    memory.save();
    EXPECT_TRUE(store.dir().list(TreePath()).empty());
    memory.remember(stat_of(10, 20), kDigest);
    memory.save();
  }
  const auto inode = store.dir().stat(at("context")).st_ino;
  PackedDigestMemory(store.dir(), at("context"), kNow).save();
  EXPECT_EQ(store.dir().stat(at("context")).st_ino, inode);
  struct stat other = stat_of(10, 20);
  for (int run = 0; run < 40; ++run) {
    PackedDigestMemory memory(store.dir(), at("context"), kNow);
    if (run < 20) {
      EXPECT_TRUE(memory.recall(stat_of(10, 20))) << run;
    }
    other.st_ino = 100U + static_cast<ino_t>(run);
    memory.remember(other, kDigest);
    memory.save();
    EXPECT_EQ(store.dir().list(TreePath()).size(), 1U);
  }
  EXPECT_TRUE(PackedDigestMemory(store.dir(), at("context"), kNow).recall(stat_of(10, 20)));
  for (int run = 0; run < 20; ++run) {
    PackedDigestMemory memory(store.dir(), at("context"), kNow);
    other.st_ino = 200U + static_cast<ino_t>(run);
    memory.remember(other, kDigest);
    memory.save();
  }
  EXPECT_FALSE(PackedDigestMemory(store.dir(), at("context"), kNow).recall(stat_of(10, 20)));
  EXPECT_TRUE(PackedDigestMemory(store.dir(), at("context"), kNow).recall(other));
}

}  // namespace
}  // namespace cooper::layers
