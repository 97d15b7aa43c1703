// Tests with a folder of testdata/ for each case.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace cooper::tests {

// The folders of testdata/NAME, in order.
inline std::vector<std::string> cases_of(const std::string& name) {
  std::vector<std::string> cases;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(COOPER_TESTDATA) / name)) {
    cases.push_back(entry.path().filename().string());
  }
  std::sort(cases.begin(), cases.end());
  return cases;
}

// Names of tests have letters, digits and '_' only.
inline std::string name_of_case(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace_if(name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

inline std::optional<std::string> find_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

}  // namespace cooper::tests
