// Files of testdata/oci. With COOPER_ACCEPT=1 an expectation is rewritten instead of compared.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace cooper::tests {

inline std::string testdata_path(const std::string& name) {
  return std::string(COOPER_TESTDATA) + "/oci/" + name;
}

inline std::string read_testdata(const std::string& name) {
  std::ifstream file(testdata_path(name), std::ios::binary);
  EXPECT_TRUE(file) << testdata_path(name);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

// The file ends in a newline, the text does not.
inline void expect_golden(const std::string& name, const std::string& text) {
  if (std::getenv("COOPER_ACCEPT") != nullptr) {
    std::ofstream(testdata_path(name), std::ios::binary) << text << '\n';
    GTEST_SKIP() << "rewrote " << name;
  }
  EXPECT_EQ(text + "\n", read_testdata(name)) << name;
}

}  // namespace cooper::tests
