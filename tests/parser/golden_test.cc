// Golden directories: testdata/parser/<case>/{Dockerfile,expected.ast} and
// testdata/parser-errors/<case>/{Dockerfile, expected.error}. COOPER_ACCEPT=1 rewrites the
// expectation and skips.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "parser/ast_print.h"

namespace cooper::parser {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<std::string> cases_of(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(COOPER_TESTDATA) / folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

void expect_same(const fs::path& expectation, const std::string& actual) {
  if (std::getenv("COOPER_ACCEPT") != nullptr) {
    std::ofstream(expectation, std::ios::binary) << actual;
    GTEST_SKIP() << "accepted " << expectation;
  }
  EXPECT_EQ(read(expectation), actual);
}

class GoldenAst : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenAst, matches) {
  const fs::path folder = fs::path(COOPER_TESTDATA) / "parser" / GetParam();
  expect_same(folder / "expected.ast",
              print_ast(parse_dockerfile("Dockerfile", read(folder / "Dockerfile"))));
}

INSTANTIATE_TEST_SUITE_P(Parser, GoldenAst, ::testing::ValuesIn(cases_of("parser")), test_name);

class GoldenError : public ::testing::TestWithParam<std::string> {};

// First line: the message; then one line per source range.
std::string failure_of(const std::string& text) {
  try {
    return "parsed:\n" + print_ast(parse_dockerfile("Dockerfile", text));
  } catch (const DockerfileError& error) {
    std::string out = error.message() + "\n";
    for (const SourceRange& range : error.ranges())
      out += cat("lines ", range.first_line, "-", range.last_line, "\n");
    return out;
  }
}

TEST_P(GoldenError, matches) {
  const fs::path folder = fs::path(COOPER_TESTDATA) / "parser-errors" / GetParam();
  expect_same(folder / "expected.error", failure_of(read(folder / "Dockerfile")));
}

INSTANTIATE_TEST_SUITE_P(Parser, GoldenError, ::testing::ValuesIn(cases_of("parser-errors")),
                         test_name);

}  // namespace
}  // namespace cooper::parser
