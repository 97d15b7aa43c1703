#include <gtest/gtest.h>

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/layers/copy_support.h"

namespace cooper::layers {
namespace {

class TakeAll : public WalkGuide {
 public:
  WalkChoice choose(const TreePath&, bool) const override { return {}; }
};

std::string paths(const std::vector<Entry>& entries) {
  std::string text;
  for (const Entry& entry : entries) text += (text.empty() ? "" : " ") + entry.path.str();
  return text;
}

std::string walked(const Tree& tree, const char* top = "") {
  return paths(tree.walk(at(top), TakeAll()).entries);
}

TEST(HostTree, CTX_03_files_belong_to_root) {
  Context context;
  context.file("f", "12345", 04751)
      .dir("d", 01777)
      .link("l", "any where")
      .touch("f", {1234, 567'890'123});
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
  const FileContent content = tree->content_of(file);
  EXPECT_EQ(content.digest, oci::ContentDigest{oci::sha256(std::string_view("12345"))});
  EXPECT_TRUE(content.fingerprint);
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
  context.file("a/x")
      .file("a.b")
      .file("a-b")
      .file("B")
      .file("\xc3\xa9")
      .file("a/\x01")
      .dir("empty");
  EXPECT_EQ(walked(*context.tree()), "B a a/\x01 a/x a-b a.b empty \xc3\xa9");
  EXPECT_EQ(walked(*context.tree(), "a"), "\x01 x");
}

TEST(HostTree, threads_change_nothing) {
  Context context;
  for (int i = 0; i < 60; ++i)
    context.file(cat("d", i % 20, "/e", i, "/f"))
        .hard(cat("z", i % 7, "/", i), cat("d", i % 20, "/e", i, "/f"));
  const auto look = [&](int threads) {
    return context.tree({nullptr, nullptr, threads})->walk(TreePath(), TakeAll());
  };
  const Walked one = look(1);
  for (const int threads : {2, 8}) EXPECT_EQ(look(threads).entries, one.entries);
  EXPECT_EQ(one.entries.size(), 20U + 60 + 60 + 7 + 60);
}

TEST(HostTree, a_failure_is_told_whatever_the_threads) {
  if (::geteuid() == 0) return;  // root may read every directory
  Context context;
  for (int i = 10; i < 60; ++i) context.file(cat("d", i, "/f"));
  context.dir("d40", 0000);
  for (const int threads : {1, 8}) {
    expect_error(Errc::denied, {"d40"}, [&] {
      walked(*context.tree({nullptr, nullptr, threads}));
    });
  }
  context.dir("d40", 0755);
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

TEST(HostTree, a_walk_takes_the_digests_of_small_files_that_stay_as_they_are) {
  Context context;
  context.file("d/small", "12345").file("d/empty", "").file("d/large", std::string(300'000, 'x'));
  for (const Entry& entry : context.tree()->walk(TreePath(), TakeAll()).entries) {
    const bool small = entry.type == EntryType::file && entry.path.name() != "large";
    EXPECT_EQ(entry.content.has_value(), small) << entry.path.str();
    if (!small) continue;
    const std::string text = entry.path.name() == "empty" ? "" : "12345";
    EXPECT_EQ(entry.content, oci::ContentDigest{oci::sha256(std::string_view(text))});
  }
  // What changes behind a digest is noticed by whoever reads the file.
  const auto tree = context.tree();
  const Walked walked = tree->walk(TreePath(), TakeAll());
  context.file("d/small", "54321").touch("d/small", {7, 7});
  expect_error(Errc::io, {"d/small changed"}, [&] { tree->open(walked.entries.back()); });
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
  expect_error(Errc::io, {"/f changed"}, [&] { static_cast<void>(tree->content_of(file)); });
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

TEST(HostTree, an_opener_reads_from_the_directory_it_met_and_nobody_else_does) {
  Context context;
  context.file("d/a", "1").file("d/b", "2").file("other/b", "3");
  const auto tree = context.tree();
  const auto opener = tree->opener();
  const Entry b = tree->find(at("d/b")).value();
  EXPECT_EQ(read_all(*opener->open(tree->find(at("d/a")).value()).bytes, 9, "a"), "1");
  ::rename(context.host_path("d").c_str(), context.host_path("old").c_str());
  ::rename(context.host_path("other").c_str(), context.host_path("d").c_str());
  EXPECT_EQ(read_all(*opener->open(b).bytes, 9, "b"), "2");
  EXPECT_EQ(read_content(*tree, "d/b"), "3");
  EXPECT_EQ(read_all(*tree->opener()->open(tree->find(at("d/b")).value()).bytes, 9, "b"), "3");
  EXPECT_EQ(read_all(*opener->open(tree->find(at("old/b")).value()).bytes, 9, "b"), "2");
  // What stands in a file's place leads nowhere, as without it.
  ::unlink(context.host_path("old/a").c_str());
  context.link("old/a", "b").fifo("old/c");
  Entry swapped = b;
  for (const char* name : {"old/a", "old/c", "old/none"}) {
    swapped.path = at(name);
    EXPECT_THROW(opener->open(swapped), Error) << name;
  }
}

// A step before may have been a RUN while somebody made the directory anew.
TEST(HostTree, a_directory_that_was_replaced_is_seen_by_the_next_copy) {
  Context context;
  const std::string large(300'000, 'x');  // its digest is not taken by the walk
  context.file("app/main", "A").file("app/large", large).touch("app/large", {1, 0});
  const std::shared_ptr<const Tree> tree = context.tree();
  const auto copied = [&] {
    const Layer layer = Copy(tree, {"app"}, "/to/").run();
    return layer.at("/to/large").content + layer.at("/to/main").content;
  };
  EXPECT_EQ(copied(), large + "A");
  ::rename(context.host_path("app").c_str(), context.host_path("old").c_str());
  const std::string other(300'000, 'y');
  context.file("app/main", "B").file("app/large", other).touch("app/large", {1, 0});
  EXPECT_EQ(copied(), other + "B");
}

TEST(HostTree, an_excluded_file_is_not_opened) {
  Context context;
  context.file("closed").file("open");
  const UniqueFd opened(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  ASSERT_GE(::inotify_add_watch(opened.get(), context.host_path("closed").c_str(), IN_OPEN), 0);
  std::array<char, 4096> events;
  EXPECT_EQ(walked(*context.tree({filter({"closed"}), nullptr, 1})), "open");
  EXPECT_LT(::read(opened.get(), events.data(), events.size()), 0);
  EXPECT_EQ(walked(*context.tree()), "closed open");
  EXPECT_GT(::read(opened.get(), events.data(), events.size()), 0);
}

}  // namespace
}  // namespace cooper::layers
