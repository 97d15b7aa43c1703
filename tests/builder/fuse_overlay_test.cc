// Stacks of directories served by fuse-overlayfs. In the builder's tests, because making mounts
// takes the build's namespace.

#include "layers/fuse_overlay.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/dir.h"
#include "base/error.h"
#include "base/temp_dir.h"
#include "builder/sandbox/identity.h"
#include "layers/diff.h"
#include "layers/table.h"
#include "tests/support/memory_blobs.h"

namespace cooper::layers {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FuseOverlayTest : public ::testing::Test {
 protected:
  FuseOverlayTest() : place_(TempDir::in_host_tmp("cooper-fuse-")) {
    builder::enter_build_namespace();
    for (const char* name : {"top", "bottom", "upper", "work", "empty"}) fs::create_directories(path(name));
    stack_.lower_paths = {path("top"), path("bottom")};
    stack_.upper_path = path("upper");
    stack_.work_path = path("work");
    stack_.empty_dir = path("empty");
  }

  void SetUp() override {
    if (::access("/dev/fuse", R_OK | W_OK) != 0) GTEST_SKIP() << "/dev/fuse is not there for this user";
  }
  std::string path(const std::string& name) const { return place_.host_path() + "/" + name; }
  void file(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }
  FuseOverlay start() const { return {stack_, place_.host_path()}; }
  static Dir root_of(FuseOverlay& overlay) { return {overlay.take_mount(), Confine::image, "the overlay"}; }

  TempDir place_;
  OverlayLayers stack_;
};

TEST_F(FuseOverlayTest, the_first_lower_is_on_top_and_writes_go_to_the_upper_directory) {
  file("top/f", "top");
  file("bottom/f", "bottom");
  FuseOverlay overlay = start();
  {
    const Dir root = root_of(overlay);
    EXPECT_EQ(root.read_file(TreePath::clean("f"), 100), "top");
    root.make_dir(TreePath::clean("new"), 0755);
  }
  overlay.finish({});
  EXPECT_TRUE(fs::is_directory(path("upper/new")));
  EXPECT_FALSE(fs::exists(path("upper/f")));
}

TEST_F(FuseOverlayTest, marks_by_name_hide_in_lower_directories) {
  file("bottom/gone", "");
  file("top/.wh.gone", "");
  fs::create_directories(path("bottom/d/inside"));
  fs::create_directories(path("top/d"));
  file("top/d/.wh..wh..opq", "");
  FuseOverlay overlay = start();
  const Dir root = root_of(overlay);
  EXPECT_FALSE(root.try_stat(TreePath::clean("gone")));
  EXPECT_TRUE(root.try_stat(TreePath::clean("d")));
  EXPECT_FALSE(root.try_stat(TreePath::clean("d/inside")));
}

TEST_F(FuseOverlayTest, what_it_hides_is_read_back) {
  file("bottom/gone", "");
  fs::create_directories(path("bottom/d/inside"));
  FuseOverlay overlay = start();
  {
    const Dir root = root_of(overlay);
    root.unlink(TreePath::clean("gone"));
    root.remove_all(TreePath::clean("d"));
    root.make_dir(TreePath::clean("d"), 0755);
  }
  overlay.finish({});
  std::vector<Entry> below(4);
  below[0].type = below[1].type = below[2].type = EntryType::directory;
  below[1].path = TreePath::clean("d");
  below[2].path = TreePath::clean("d/inside");
  below[3].path = TreePath::clean("gone");
  tests::MemoryBlobs blobs;
  LayerWriter writer(blobs, {Compression::none});
  const auto tree = merge_layers({{std::make_shared<const Table>(Table(below)), std::nullopt}});
  write_diff(Dir::open(path("upper"), Confine::strict), *tree, StandInSeal(std::string(32, 's')),
             {.stubs = {}, .hiding = Hiding::named}, writer);
  const WrittenLayer layer = std::move(writer).finish();
  const auto d = layer.table.find(TreePath::clean("d"));
  ASSERT_TRUE(d);
  EXPECT_TRUE(d->opaque);
  const auto gone = layer.table.find(TreePath::clean("gone"));
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->type, EntryType::whiteout);
}

TEST_F(FuseOverlayTest, an_empty_stack_is_an_empty_root) {
  stack_.lower_paths.clear();
  FuseOverlay overlay = start();
  const Dir root = root_of(overlay);
  EXPECT_THAT(root.list(TreePath()), ::testing::IsEmpty());
}

template <class Body>
std::string error_of(Body body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::io);
    return error.message();
  }
  return "";
}

TEST_F(FuseOverlayTest, a_program_that_ends_at_once_is_told_of) {
  fs::remove(path("work"));
  EXPECT_THAT(error_of([&] { start(); }), HasSubstr("fuse-overlayfs failed ("));
}

// What a step changed is lost, or only half there.
TEST_F(FuseOverlayTest, a_program_that_is_killed_is_told_of) {
  FuseOverlay overlay = start();
  ASSERT_EQ(std::system(cat("pkill -9 -P ", ::getpid(), " fuse-overlayfs").c_str()), 0);
  EXPECT_THROW(root_of(overlay).make_dir(TreePath::clean("d"), 0755), Error);
  EXPECT_THAT(error_of([&] { overlay.finish({}); }), HasSubstr("fuse-overlayfs failed (137)"));
}

TEST_F(FuseOverlayTest, without_the_program_it_says_so) {
  const std::string before = std::getenv("PATH");
  ::setenv("PATH", place_.host_path().c_str(), 1);
  EXPECT_THROW(start(), Error);
  ::setenv("PATH", before.c_str(), 1);
}

TEST_F(FuseOverlayTest, layers_elsewhere_are_refused) {
  stack_.upper_path = "/somewhere/else";
  EXPECT_THROW(start(), Error);
}

}  // namespace
}  // namespace cooper::layers
