#include "cmd/destinations.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/temp_dir.h"
#include "tests/oci/expect_error.h"

namespace cooper::cmd {
namespace {

namespace fs = std::filesystem;
using Kind = builder::Output::Kind;
using tests::expect_error;

class Destinations : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(root_ / "folder");
    std::ofstream(root_ / "file") << "old";
  }
  void check(Kind kind, const std::string& name, bool as_directory = false) const {
    TargetResult result;
    result.outputs.push_back({kind, root_ / name});
    result.outputs.back().as_directory = as_directory;
    check_destinations({result});
  }

  TempDir home_ = TempDir::in_host_tmp("cooper-destinations-test-");
  const fs::path root_ = home_.host_path();
};

TEST_F(Destinations, that_can_be_written_are_left_as_they_were) {
  ASSERT_EQ(::mkfifo((root_ / "pipe").c_str(), 0600), 0);
  for (const Kind kind : {Kind::oci, Kind::docker, Kind::tar}) {
    for (const char* name : {"file", "new", "folder/new", "pipe"}) check(kind, name);
  }
  check(Kind::local, "folder");
  check(Kind::local, "new/deep/");
  check(Kind::oci, "new/layout", true);
  fs::create_directories(root_ / "folder/a/b");
  fs::create_directory_symlink("a/b", root_ / "folder/link");
  std::ofstream(root_ / "folder/x") << "not where the link leads";
  check(Kind::local, "folder/link/../x/deep");
  TargetResult result;
  result.iid_file = root_ / "iid";
  result.metadata_file = root_ / "file";
  result.outputs.emplace_back();  // an image in the store goes to no file
  check_destinations({result});
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), fs::directory_iterator()), 3);
  EXPECT_EQ(fs::file_size(root_ / "file"), 3U);
}

TEST_F(Destinations, OUT_03_that_are_something_else_are_refused) {
  expect_error(Errc::invalid, "destination file is a directory",
               [&] { check(Kind::oci, "folder"); });
  expect_error(Errc::invalid, "there is no directory", [&] { check(Kind::tar, "none/x.tar"); });
  expect_error(Errc::invalid, "is not a directory", [&] { check(Kind::docker, "file/x.tar"); });
  expect_error(Errc::invalid, "is not a directory", [&] { check(Kind::local, "file"); });
  expect_error(Errc::invalid, "is not a directory", [&] { check(Kind::local, "file/deep/er"); });
  expect_error(Errc::invalid, "is not a directory", [&] { check(Kind::oci, "file", true); });
  fs::create_symlink("none", root_ / "folder/link");
  for (const char* name : {"folder/link", "folder/link/deep/er"}) {
    expect_error(Errc::invalid, "folder/link is a link to nothing",
                 [&] { check(Kind::local, name); });
  }
  TargetResult result;
  result.iid_file = root_ / "none/iid";
  expect_error(Errc::invalid, "there is no directory", [&] { check_destinations({result}); });
}

TEST_F(Destinations, that_the_system_refuses_are_refused) {
  TargetResult result;
  result.outputs.push_back({Kind::oci, "/proc/self/fdinfo/x"});  // nobody may, root neither
  EXPECT_THROW(check_destinations({result}), Error);
  if (::geteuid() == 0) return;
  fs::permissions(root_ / "folder", fs::perms::owner_read | fs::perms::owner_exec);
  expect_error(Errc::denied, "folder", [&] { check(Kind::local, "folder/x"); });
  expect_error(Errc::denied, "folder", [&] { check(Kind::tar, "folder/x"); });
}

}  // namespace
}  // namespace cooper::cmd
