#include "layers/whole_copy.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <random>

#include "tests/layers/layer_support.h"

namespace cooper::layers {
namespace {

using Lines = std::vector<std::string>;
constexpr std::int64_t kTime = 1'600'000'000;  // of the items

class WholeCopyTest : public testing::Test {
 protected:
  const Dir& root() const { return root_; }

  // A tree with files, made of these items.
  std::shared_ptr<const Tree> tree_of(std::vector<Item> items) {
    for (Item& item : items) item = mine(std::move(item));
    items.insert(items.begin(), mine(dir_item("")));
    return upon({}, tar_of(std::move(items)));
  }
  std::shared_ptr<const Tree> upon(std::vector<LayerView> views, const std::string& tar) {
    trees_.push_back(std::make_unique<TempDir>(place_.dir(), "tree-"));
    const auto below = merge_layers(views);
    Table table = apply_layer(source_of(tar), trees_.back()->dir(), test_seal(), *below, {}, "l");
    views.push_back({share(std::move(table)), trees_.back()->dir().duplicate()});
    views_ = views;
    return merge_layers(std::move(views));
  }

  // Of the changes; our own ids are shown as 0:0, and times that are new as none.
  Lines changes(const DiffOptions& options = {}) {
    LayerWriter writer(blobs_, {Compression::none});
    copy_.write_changes(options, writer);
    layer_ = std::move(writer).finish();
    Lines lines;
    for (Entry entry : layer_->table.entries()) {
      if (entry.uid == ::geteuid()) entry.uid = 0;
      if (entry.gid == ::getegid()) entry.gid = 0;
      if (entry.mtime.seconds != kTime) entry.mtime = {};
      lines.push_back(describe(entry));
    }
    return lines;
  }
  // The tree below with the layer of changes() on top.
  std::shared_ptr<const Tree> changed() {
    return upon(views_, read_all(*blobs_.open_blob(layer_->descriptor.digest), 1 << 24, "layer"));
  }

  void write(std::string_view path, const std::string& content, int flags = O_CREAT | O_TRUNC) {
    const UniqueFd fd = root().open_file(at(path), O_WRONLY | flags, 0644);
    FdSink(fd.get(), std::string(path)).write(as_bytes(content));
    root().set_mode(at(path), 0644);
  }
  ino_t inode(std::string_view path) const { return root().stat(at(path)).st_ino; }

  TempDir place_ = TempDir::in_host_tmp("cooper-test-");
  TempDir copy_place_ = TempDir::in_host_tmp("cooper-test-");
  std::vector<std::unique_ptr<TempDir>> trees_;
  std::vector<LayerView> views_;
  tests::MemoryBlobs blobs_;
  std::optional<WrittenLayer> layer_;
  WholeCopy copy_{copy_place_.dir(), test_seal()};
  Dir root_ = copy_place_.dir().subdir(at(WholeCopy::kRoot));
};

// All of a tree but owners, parts of seconds and which names are one file.
Lines listed(const Tree& tree, const TreePath& top = TreePath()) {
  Lines lines;
  for (Entry entry : tree.children(top)) {
    entry.uid = entry.gid = 0;
    entry.mtime.nanoseconds = 0;
    if (entry.type == EntryType::file) entry.link_target.clear();
    lines.push_back(describe(entry));
    if (entry.type == EntryType::file) lines.back() += " " + read_content(tree, entry.path.str());
    for (std::string& line : listed(tree, entry.path)) lines.push_back(std::move(line));
  }
  return lines;
}

std::vector<Item> sample() {
  return {dir_item("d", 0751), file_item("d/a", "1"),    file_item("d/b", "2"),
          dir_item("d/in"),    file_item("d/in/c", "3"), file_item("f", "f"),
          hard_item("g", "f"), link_item("l", "f"),      fifo_item("p")};
}

TEST_F(WholeCopyTest, holds_the_tree_with_a_file_for_every_name) {
  copy_.become(tree_of(sample()));
  EXPECT_EQ(root().read_file(at("d/in/c"), 10), "3");
  EXPECT_EQ(root().read_file(at("g"), 10), "f");
  EXPECT_EQ(root().stat(at("g")).st_nlink, 1u);
  EXPECT_EQ(root().stat(at("d")).st_mode & 07777, 0751u);
  EXPECT_EQ(root().stat(at("d")).st_mtim.tv_sec, kTime);
  EXPECT_EQ(root().read_link(at("l")), "f");
  EXPECT_TRUE(S_ISFIFO(root().stat(at("p")).st_mode));
  EXPECT_EQ(changes(), Lines());
}

TEST_F(WholeCopyTest, becoming_another_tree_rewrites_what_differs) {
  copy_.become(tree_of(sample()));
  const ino_t kept = inode("d/in/c");
  std::vector<Item> other = sample();
  other[1] = file_item("d/a", "changed");
  other.erase(other.begin() + 2);  // d/b
  other[4] = dir_item("f");        // was a file
  other.insert(other.begin() + 5, file_item("f/x", "x"));
  other[6] = file_item("g", "own");
  copy_.become(tree_of(other));
  EXPECT_EQ(inode("d/in/c"), kept);
  EXPECT_EQ(root().read_file(at("d/a"), 10), "changed");
  EXPECT_FALSE(root().try_stat(at("d/b")));
  EXPECT_EQ(root().read_file(at("f/x"), 10), "x");
  EXPECT_EQ(root().stat(at("d")).st_mtim.tv_sec, kTime);
  EXPECT_EQ(changes(), Lines());
}

TEST_F(WholeCopyTest, tells_every_kind_of_change) {
  copy_.become(tree_of(sample()));
  write("d/a", "new");
  root().unlink(at("d/in/c"));
  root().set_mode(at("f"), 04755);
  root().unlink(at("l"));
  root().make_dir(at("l"), 0755);
  write("l/x", "x");
  root().rename(at("g"), at("h"));
  write("n", "n");
  root().link(at("n"), at("o"));
  EXPECT_EQ(changes(), (Lines{"/d directory 751 0:0 @1600000000", "/d/a file 644 0:0 @0 size=3",
                              "/d/in directory 755 0:0 @0", "/d/in/c whiteout 0 0:0 @0",
                              "/f file 4755 0:0 @1600000000 size=1", "/g whiteout 0 0:0 @0",
                              "/h file 644 0:0 @1600000000 size=1", "/l directory 755 0:0 @0",
                              "/l/x file 644 0:0 @0 size=1", "/n file 644 0:0 @0 size=1",
                              "/o hard link 644 0:0 @0 -> n"}));
}

TEST_F(WholeCopyTest, directories_that_come_and_go) {
  copy_.become(tree_of(sample()));
  root().rename(at("d"), at("e"));
  EXPECT_EQ(changes().front(), "/d whiteout 0 0:0 @0");
  EXPECT_EQ(changes().size(), 6u) << "all of the renamed directory is new";
  root().make_dir(at("d"), 0755);
  write("d/b", "2");
  const Lines again = changes();
  EXPECT_EQ(again[0], "/d directory 755 0:0 @0");
  EXPECT_EQ(again[1], "/d/a whiteout 0 0:0 @0");
  EXPECT_EQ(again[2], "/d/b file 644 0:0 @0 size=1");
  EXPECT_EQ(again[3], "/d/in whiteout 0 0:0 @0");
}

TEST_F(WholeCopyTest, a_directory_with_its_old_time_is_no_change) {
  copy_.become(tree_of(sample()));
  write("d/tmp", "");
  root().unlink(at("d/tmp"));
  root().set_mtime(at("d"), {kTime, 0});
  EXPECT_EQ(changes(), Lines());
}

TEST_F(WholeCopyTest, RUN_11_mount_points_leave_nothing) {
  copy_.become(tree_of(sample()));
  write("d/hosts", "");
  root().make_dir(at("run"), 0755);
  root().make_dir(at("run/x"), 0755);
  DiffOptions options;
  options.stubs = {at("d/hosts"), at("run/x")};
  EXPECT_EQ(changes(options), Lines());
  write("run/x/kept", "1");
  EXPECT_EQ(changes(options), (Lines{"/run directory 755 0:0 @0", "/run/x directory 755 0:0 @0",
                                     "/run/x/kept file 644 0:0 @0 size=1"}));
}

// A copy-up breaks a hard link, so the next step must not write through one.
TEST_F(WholeCopyTest, settling_breaks_links_and_begins_anew) {
  copy_.become(tree_of(sample()));
  root().link(at("f"), at("f2"));
  write("new", "1");
  changes();
  copy_.settle(changed());
  EXPECT_EQ(changes(), Lines());
  EXPECT_EQ(root().stat(at("f2")).st_nlink, 1u);
  write("f2", "other");
  EXPECT_EQ(root().read_file(at("f"), 10), "f");
  EXPECT_EQ(changes(), Lines{"/f2 file 644 0:0 @0 size=5"});
}

TEST_F(WholeCopyTest, what_no_tree_knows_makes_room) {
  copy_.become(tree_of({file_item("a", "1")}));
  write("b", "left by a step that failed");
  copy_.become(tree_of({file_item("a", "1"), file_item("b", "2")}));
  EXPECT_EQ(root().read_file(at("b"), 10), "2");
}

// What no layer holds is not there for the next step, whatever stage it is of.
TEST_F(WholeCopyTest, settling_removes_what_no_layer_holds) {
  copy_.become(tree_of(sample()));
  root().set_xattr(at("d/a"), "user.x", "leaked");
  root().set_xattr(at("d"), "user.x", "leaked");
  root().make_node(at("d/in/sock"), S_IFSOCK | 0644, 0);
  root().make_dir(at("stub"), 0755);
  root().make_node(at("stub/sock"), S_IFSOCK | 0644, 0);
  root().unlink(at("f"));
  root().make_node(at("f"), S_IFSOCK | 0644, 0);
  DiffOptions options;
  options.stubs = {at("stub")};
  const Lines lines = changes(options);
  EXPECT_EQ(lines, (Lines{"/d directory 751 0:0 @1600000000",
                          "/d/a file 644 0:0 @1600000000 size=1", "/d/in directory 755 0:0 @0",
                          "/f whiteout 0 0:0 @0"}));
  copy_.settle(changed());
  EXPECT_FALSE(root().get_xattr(at("d/a"), "user.x"));
  EXPECT_FALSE(root().get_xattr(at("d"), "user.x"));
  for (const char* gone : {"d/in/sock", "stub", "f"})
    EXPECT_FALSE(root().try_stat(at(gone))) << gone;
  EXPECT_EQ(changes(), Lines());
}

// Where times say nothing of a write through a mapping (tmpfs), the content does.
TEST(WholeCopyContents, a_mapped_write_is_found_everywhere) {
  for (const char* where : {"/dev/shm", "/tmp"}) {
    const TempDir place(Dir::open(where, Confine::strict), "cooper-test-");
    tests::MemoryBlobs blobs;
    const TempDir layer(Dir::open("/tmp", Confine::strict), "cooper-test-");
    Table table =
        apply_layer(source_of(tar_of({mine(dir_item("")), mine(file_item("f", "before"))})),
                    layer.dir(), test_seal(), *empty_tree(), {}, "l");
    WholeCopy copy(place.dir(), test_seal());
    copy.become(merge_layers({{share(std::move(table)), layer.dir().duplicate()}}));
    const Dir root = place.dir().subdir(at(WholeCopy::kRoot));
    {
      const UniqueFd file = root.open_file(at("f"), O_RDWR);
      void* const mapped = ::mmap(nullptr, 6, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
      ASSERT_NE(mapped, MAP_FAILED);
      auto* const bytes = static_cast<volatile char*>(mapped);
      ASSERT_EQ(bytes[0], 'b');
      bytes[0] = 'B';
      ::munmap(mapped, 6);
    }
    LayerWriter writer(blobs, {Compression::none});
    copy.write_changes({}, writer);
    const WrittenLayer written = std::move(writer).finish();
    ASSERT_EQ(written.table.entries().size(), 1u) << where;
    EXPECT_EQ(written.table.entries()[0].content, oci::ContentDigest{oci::sha256("Before")});
  }
}

// Random work on random trees: the layer upon the tree below is what the directory shows.
TEST_F(WholeCopyTest, changes_upon_the_tree_give_the_directory) {
  const auto seed = static_cast<std::uint32_t>(std::random_device()());
  SCOPED_TRACE(cat("seed ", seed));
  std::mt19937 random(seed);
  const auto pick = [&](std::size_t n) { return random() % n; };
  const std::vector<std::string> names = {"a", "b", "a/x", "a/y", "a/x/1", "b/x", "b/x/1", "c"};
  copy_.become(tree_of({}));
  std::vector<std::pair<std::vector<LayerView>, std::shared_ptr<const Tree>>> known;
  for (int round = 0; round < 60; ++round) {
    for (std::size_t i = 0; i < 4; ++i) {
      const TreePath path = at(names[pick(names.size())]);
      const TreePath other = at(names[pick(names.size())]);
      try {
        switch (pick(6)) {
          case 0:
            root().make_dir(path, 0755);
            break;
          case 1:
            write(path.str(), std::string(pick(3), 'x'));
            break;
          case 2:
            root().remove_all(path);
            break;
          case 3:
            root().rename(path, other);
            break;
          case 4:
            root().set_mode(path, pick(2) == 0 ? 0700 : 0755);
            break;
          default:
            root().link(path, other);
            break;
        }
      } catch (const SysError&) {
        // Not possible with what is there.
      }
    }
    changes();
    const auto after = changed();
    ASSERT_EQ(listed(*after), listed(*open_host_tree(root().duplicate(), {}))) << "round " << round;
    copy_.settle(after);
    known.emplace_back(views_, after);
    if (pick(3) == 0) {
      const auto& [views, tree] = known[pick(known.size())];
      copy_.become(tree);
      views_ = views;
      ASSERT_EQ(listed(*tree), listed(*open_host_tree(root().duplicate(), {})))
          << "round " << round;
    }
    ASSERT_EQ(changes(), Lines()) << "round " << round;
  }
}

}  // namespace
}  // namespace cooper::layers
