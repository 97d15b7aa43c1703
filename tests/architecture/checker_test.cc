// Plants one violation after the other, and innocent look-alikes: a rule that cannot fail guards
// nothing.
#include "tests/architecture/checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cooper::architecture {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Include {
  std::string path;
  std::string line;
};

TEST(CheckIncludes, refuses) {
  const Include rows[] = {
      {"base/dir.cc", "#include \"oci/digest.h\""},
      {"parser/lexer.cc", "#include \"oci/digest.h\""},
      {"parser/lexer.cc", "#include \"layers/table.h\""},
      {"oci/config.cc", "#include \"layers/table.h\""},
      {"layers/diff.cc", "#include \"cache/store.h\""},
      {"cache/store.cc", "#include \"layers/table.h\""},
      {"cache/store.cc", "  #  include   \"builder/plan.h\""},
      {"builder/plan.cc", "#include \"cmd/flags.h\""},
      {"builder/sandbox/init.cc", "#include <cmd/flags.h>"},
      {"layers/diff.cc", "#include <oci/digest.h>"},  // ours, but not in quotes
      {"layers/diff.cc", "#include \"table.h\""},     // not from the root
      {"layers/diff.cc", "#include \"../oci/digest.h\""},
      {"cmd/main.cc", "#include \"tests/support/fakes.h\""},
      {"cmd/main.cc", "#include <tests/support/fakes.h>"},
      {"cache/blob.cc", "#include <archive.h>"},
      {"cache/blob.cc", "#include <archive_entry.h>"},
      {"cache/blob.cc", "#include <libdeflate.h>"},
      {"oci/blob.cc", "#include <zlib.h>"},
      {"builder/blob.cc", "#include <zstd.h>"},
      {"builder/blob.cc", "#include <isa-l.h>"},
      {"oci/blob.cc", "#include <xxhash.h>"},
      {"builder/blob.cc", "#include <isa-l/igzip_lib.h>"},
      {"layers/hash.cc", "#include <openssl/evp.h>"},
      {"cmd/hash.cc", "#include <curl/curl.h>"},
      {"builder/db.cc", "#include <sqlite3.h>"},
      {"cmd/x.cc", "#include <seccomp.h>"},
      {"layers/x.cc", "#include <sys/capability.h>"},
      {"builder/x.cc", "#include <CLI/CLI.hpp>"},
      {"oci/x.cc", "#include <toml++/toml.h>"},
      {"parser/x.cc", "#include <nlohmann/json.hpp>"},
      {"layers/x.cc", "#include <nlohmann/json.hpp>"},
      {"base/x.cc", "#include \"nlohmann/json.hpp\""},
      {"layers/x.h", "#include <zstd.h>"},  // home, but in a header
      {"oci/x.h", "#include <nlohmann/json_fwd.hpp>"},
      {"builder/x.h", "#include <seccomp.h>"},
  };
  for (const Include& row : rows) {
    EXPECT_EQ(check_includes(row.path, row.line + "\n").size(), 1U) << row.path << ' ' << row.line;
  }
}

TEST(CheckIncludes, accepts) {
  const Include rows[] = {
      {"base/dir.cc", "#include \"base/dir.h\""},
      {"base/dir.cc", "#include <sys/stat.h>"},
      {"base/dir.cc", "#include <vector>"},
      {"builder/sandbox/init.cc", "#include \"builder/sandbox/init.h\""},
      {"builder/sandbox/init.cc", "#include <linux/seccomp.h>"},
      {"base/spawn.cc", "#include <linux/seccomp.h>"},
      {"layers/diff.cc", "#include \"oci/digest.h\"  // descriptors"},
      {"cache/store.cc", "#include <sqlite3.h>"},
      {"cmd/main.cc", "#include \"parser/lexer.h\""},
      {"oci/config.cc", "#include <nlohmann/json.hpp>"},
      {"oci/config.cc", "// #include \"cmd/flags.h\""},
      {"oci/config.cc", "/*\n#include \"cmd/flags.h\"\n*/"},
  };
  for (const Include& row : rows) {
    EXPECT_THAT(check_includes(row.path, row.line + "\n"), IsEmpty());
  }
}

TEST(CheckIncludes, findings_say_where_and_what) {
  EXPECT_THAT(check_includes("base/dir.cc", "\n/* a\n b */\n#include \"oci/digest.h\"\n"),
              ElementsAre("base/dir.cc:4: base may not include oci (oci/digest.h)"));
}

TEST(CheckCalls, refuses) {
  const Include rows[] = {
      {"oci/x.cc", "std::cout << 1;"},
      {"oci/x.cc", "std :: cerr << 1;"},
      {"oci/x.cc", "std::clog << 1;"},
      {"oci/x.cc", "std::printf(\"x\");"},
      {"oci/x.cc", "fprintf(stderr, \"x\");"},
      {"oci/x.cc", "::dprintf (2, \"x\");"},
      {"oci/x.cc", "perror(\"x\");"},
      {"oci/x.cc", "std::puts(\"x\");"},
      {"oci/x.cc", "auto home = std::getenv(\"HOME\");"},
      {"base/spawn.cc", "::secure_getenv(\"HOME\");"},
      {"oci/x.cc", "std::exit(1);"},
      {"base/dir.cc", "::_exit(1);"},
      {"builder/step.cc", "_Exit(1);"},
      {"cmd/build.cc", "exit(1);"},
      {"cmd/build.cc", "app.exit(error); std::exit(1);"},
      {"cmd/main.cc", "system(\"ls\");"},
      {"builder/sandbox/x.cc", "::popen(\"ls\", \"r\");"},
      {"builder/sandbox/x.cc", "if (::pipe(ends) != 0) return;"},
      {"cmd/main.cc", "const char c = '\"'; exit(1); system(\"'\");"},
      {"oci/x.cc", "constexpr int kMany = 1'000; exit(1); constexpr int kFew = 1'0;"},
  };
  for (const Include& row : rows) {
    EXPECT_EQ(check_calls(row.path, row.line + "\n").size(), 1U) << row.path << ' ' << row.line;
  }
}

TEST(CheckCalls, accepts) {
  const Include rows[] = {
      {"cmd/build.cc", "std::cout << 1; fprintf(stderr, \"x\"); std::getenv(\"HOME\");"},
      {"cmd/main.cc", "exit(1);"},
      {"builder/sandbox/init.cc", "::_exit(1);"},
      {"base/spawn.cc", "::_exit(127);"},
      {"base/temp_dir.cc", "std::getenv(\"TMPDIR\");"},
      {"oci/x.cc", "std::snprintf(buffer, 4, \"x\"); vsnprintf(b, 4, f, a);"},
      {"oci/x.cc", "on_exit(1); at_quick_exit_(2); fs_system (1); filesystem(2);"},
      {"oci/x.cc", "pipe2(ends, O_CLOEXEC); make_pipe(); Pipe pipe = make_pipe();"},
      {"oci/x.cc", "app.exit(error); app->exit (error); app . exits(1);"},
      {"oci/x.cc", "// exit(1)\n/* system(1) */ const char* t = \"printf(1) \\\" exit(1)\";"},
      {"oci/x.cc",
       "const char* t = R\"(exit(1) \" )\"; const char* u = R\"x(exit(1))\" system())x\";"},
  };
  for (const Include& row : rows) {
    EXPECT_THAT(check_calls(row.path, row.line + "\n"), IsEmpty()) << row.line;
  }
}

TEST(CheckLength, counts_lines) {
  std::string content;
  for (int i = 0; i < 400; ++i) content += "x\n";
  EXPECT_THAT(check_length("oci/x.cc", content), IsEmpty());
  EXPECT_THAT(check_length("oci/x.cc", content + "x"), ElementsAre(HasSubstr("oci/x.cc:401: ")));
  EXPECT_THAT(check_length("oci/x.cc", ""), IsEmpty());
}

TEST(CheckFile, applies_every_rule) {
  std::string content = "#include \"cmd/flags.h\"\nvoid f() { exit(1); }\n";
  for (int i = 0; i < 400; ++i) content += "\n";
  EXPECT_EQ(check_file("oci/x.cc", content).size(), 3U);
}

TEST(BlankOut, keeps_lines_and_code) {
  EXPECT_EQ(blank_out("a // b\nc", false), "a     \nc");
  EXPECT_EQ(blank_out("a /* b\nb */ c", false), "a     \n     c");
  EXPECT_EQ(blank_out("a \"b\\\"\" c", false), "a \"   \" c");
  EXPECT_EQ(blank_out("a \"//\" c", true), "a \"//\" c");
  EXPECT_EQ(blank_out("a '\"' \"b\"", false), "a ' ' \" \"");
  EXPECT_EQ(blank_out("1'000 \"b\"", false), "1'000 \" \"");
  EXPECT_EQ(blank_out("\"open", false), "\"    ");
}

}  // namespace
}  // namespace cooper::architecture
