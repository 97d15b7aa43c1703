// Stacks of directories as one mount. In the builder's tests, because making mounts takes the
// build's namespace.

#include "layers/overlay.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/dir.h"
#include "base/error.h"
#include "base/temp_dir.h"
#include "builder/sandbox/identity.h"
#include "tests/oci/expect_error.h"

namespace cooper::layers {
namespace {

namespace fs = std::filesystem;

// Both ways of mounting.
class Overlay : public ::testing::TestWithParam<bool> {
 protected:
  Overlay() : dir_(TempDir::in_host_tmp("cooper-overlay-")) {
    builder::enter_build_namespace();
    set_overlay_new_api_allowed(GetParam());
    stack_.empty_dir = make("empty");
  }
  ~Overlay() override { set_overlay_new_api_allowed(true); }

  std::string make(const std::string& name) {
    const fs::path path = fs::path(dir_.host_path()) / name;
    fs::create_directories(path);
    return path.string();
  }
  std::string layer(const std::string& name, const std::string& file, const std::string& text) {
    const std::string path = make(name);
    std::ofstream(path + "/" + file) << text;
    return path;
  }
  Dir mount() { return {mount_overlay(stack_, make("staging")), Confine::image, "the overlay"}; }
  void add_upper() {
    stack_.upper_path = make("upper");
    stack_.work_path = make("work");
  }

  TempDir dir_;
  OverlayLayers stack_;
};

INSTANTIATE_TEST_SUITE_P(Apis, Overlay, ::testing::Values(true, false), [](const auto& parameter) {
  return parameter.param ? "fsopen" : "mount";
});

TEST_P(Overlay, the_first_lower_is_on_top) {
  stack_.lower_paths = {layer("a", "f", "top"), layer("b", "f", "bottom")};
  add_upper();
  const Dir root = mount();
  EXPECT_EQ(root.read_file(TreePath::clean("f"), 100), "top");
  EXPECT_TRUE(fs::is_empty(make("staging")));
}

TEST_P(Overlay, writes_go_to_the_upper_directory) {
  stack_.lower_paths = {layer("a", "f", "below")};
  add_upper();
  const Dir root = mount();
  root.make_dir(TreePath::clean("new"), 0755);
  root.unlink(TreePath::clean("f"));
  struct stat status {};
  EXPECT_TRUE(fs::is_directory(stack_.upper_path + "/new"));
  ASSERT_EQ(::lstat((stack_.upper_path + "/f").c_str(), &status), 0);
  EXPECT_TRUE(S_ISCHR(status.st_mode));
}

TEST_P(Overlay, writes_end_once_nothing_is_open_for_them_any_more) {
  add_upper();
  const UniqueFd mounted = mount_overlay(stack_, make("staging"));
  UniqueFd file(::openat(mounted.get(), "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  ASSERT_TRUE(file);
  std::jthread closing([&file] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    file = UniqueFd();
  });
  end_writes(mounted, {});
  EXPECT_LT(::openat(mounted.get(), "g", O_WRONLY | O_CREAT | O_CLOEXEC, 0644), 0);
  EXPECT_EQ(errno, EROFS);
}

TEST_P(Overlay, waiting_for_writes_to_end_ends_when_asked) {
  add_upper();
  const UniqueFd mounted = mount_overlay(stack_, make("staging"));
  const UniqueFd file(::openat(mounted.get(), "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  ASSERT_TRUE(file);
  std::stop_source stop;
  stop.request_stop();
  tests::expect_error(Errc::cancelled, "interrupted",
                      [&] { end_writes(mounted, stop.get_token()); });
}

TEST_P(Overlay, opaque_directories_are_marked_in_the_user_namespace) {
  const std::string lower = make("a");
  fs::create_directories(lower + "/d/inside");
  stack_.lower_paths = {lower};
  add_upper();
  const Dir root = mount();
  root.remove_all(TreePath::clean("d"));
  root.make_dir(TreePath::clean("d"), 0755);
  const Dir upper = Dir::open(stack_.upper_path, Confine::strict);
  EXPECT_EQ(upper.get_xattr(TreePath::clean("d"), "user.overlay.opaque"), "y");
}

TEST_P(Overlay, without_an_upper_directory_it_is_read_only) {
  for (const std::size_t count : {0U, 1U, 2U}) {
    stack_.lower_paths.clear();
    for (std::size_t i = 0; i < count; ++i) {
      stack_.lower_paths.push_back(layer(cat("l", i), "f", "x"));
    }
    const Dir root = mount();
    EXPECT_EQ(root.list({}).size(), count == 0 ? 0U : 1U);
    EXPECT_THROW(root.make_dir(TreePath::clean("d"), 0755), SysError);
  }
}

TEST_P(Overlay, an_empty_stack_can_be_written) {
  add_upper();
  mount().make_dir(TreePath::clean("d"), 0755);
  EXPECT_TRUE(fs::is_directory(stack_.upper_path + "/d"));
}

TEST_P(Overlay, names_need_no_escaping) {
  stack_.lower_paths = {layer("with:colon,comma\\backslash", "f", "here"), layer("b c", "g", "x")};
  stack_.upper_path = make("up,per:\\x");
  stack_.work_path = make("wo,rk:\\x");
  const Dir root = mount();
  EXPECT_EQ(root.read_file(TreePath::clean("f"), 100), "here");
  root.make_dir(TreePath::clean("d"), 0755);
  EXPECT_TRUE(fs::is_directory(stack_.upper_path + "/d"));
}

TEST_P(Overlay, many_layers) {
  for (int i = 0; i < 100; ++i) {
    stack_.lower_paths.push_back(layer(cat("layer", i), cat("f", i), "x"));
  }
  add_upper();
  EXPECT_EQ(mount().list({}).size(), 100U);
}

TEST_P(Overlay, more_layers_than_mount_options_can_name) {
  for (int i = 0; i < 300; ++i) stack_.lower_paths.push_back(make(cat("layer", i)));
  add_upper();
  if (GetParam()) {
    EXPECT_NO_THROW(mount());
  } else {
    EXPECT_THROW(mount(), Error);
  }
}

TEST_P(Overlay, devices_do_not_work_in_it) {
  stack_.lower_paths = {make("a")};
  add_upper();
  struct statvfs status {};
  ASSERT_EQ(::fstatvfs(mount().fd(), &status), 0);
  EXPECT_NE(status.f_flag & ST_NODEV, 0U);
}

TEST_P(Overlay, a_missing_layer_is_named) {
  stack_.lower_paths = {make("a"), dir_.host_path() + "/absent"};
  add_upper();
  try {
    mount();
    FAIL() << "no error";
  } catch (const SysError& error) {
    EXPECT_EQ(error.errnum(), ENOENT);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("/absent"));
  }
}

TEST_P(Overlay, upper_and_work_come_together) {
  stack_.upper_path = make("upper");
  EXPECT_THROW(mount(), Error);
}

}  // namespace
}  // namespace cooper::layers
