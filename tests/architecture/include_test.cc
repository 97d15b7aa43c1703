// Holds the whole source tree to the rules of checker.h.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/architecture/checker.h"

namespace cooper::architecture {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = COOPER_SOURCE_DIR;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<fs::path> sources_in(const std::string& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(kSource / folder)) {
    const std::string extension = entry.path().extension();
    if (extension == ".cc" || extension == ".h") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

class Architecture : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Folder, Architecture, ::testing::ValuesIn(code_folders()),
                         [](const auto& folder) { return folder.param; });

TEST_P(Architecture, keeps_the_rules) {
  const std::vector<fs::path> sources = sources_in(GetParam());
  EXPECT_FALSE(sources.empty()) << "no sources in " << GetParam() << ": is this the right tree?";
  for (const fs::path& path : sources) {
    for (const std::string& finding : check_file(path.lexically_relative(kSource), read(path))) {
      ADD_FAILURE() << finding;
    }
  }
}

// A new code folder must get its row in the table.
TEST(Folders, all_are_known) {
  const std::vector<std::string> others = {"tests", "testdata", "docs", "cmake", "build"};
  for (const auto& entry : fs::directory_iterator(kSource)) {
    const std::string name = entry.path().filename();
    if (!entry.is_directory() || name.starts_with('.') || name.starts_with("build-")) continue;
    const auto& known = code_folders();
    EXPECT_TRUE(std::find(known.begin(), known.end(), name) != known.end() ||
                std::find(others.begin(), others.end(), name) != others.end())
        << name << " has no row in the include table";
  }
}

}  // namespace
}  // namespace cooper::architecture
