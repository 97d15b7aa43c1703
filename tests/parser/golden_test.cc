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
#include "tests/golden_folders.h"

namespace cooper::parser {
namespace {

namespace fs = std::filesystem;

using tests::cases_of;
using tests::name_of_case;

std::string read(const fs::path& path) { return tests::find_text(path).value_or(""); }

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

INSTANTIATE_TEST_SUITE_P(Parser, GoldenAst, ::testing::ValuesIn(cases_of("parser")), name_of_case);

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
                         name_of_case);

}  // namespace
}  // namespace cooper::parser
