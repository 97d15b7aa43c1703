#include "oci/platform.h"

#include "tests/oci/expect_error.h"

namespace cooper::oci {
namespace {

TEST(Platform, PLAT_03_strings_are_normalised) {
  struct Row {
    std::string_view text;
    std::string_view normal;
  };
  const Row rows[] = {
      {"linux/amd64", "linux/amd64"},
      {"linux/x86_64", "linux/amd64"},
      {"Linux/X86-64", "linux/amd64"},
      {"linux/amd64/v1", "linux/amd64"},
      {"linux/amd64/v3", "linux/amd64/v3"},
      {"linux/i386", "linux/386"},
      {"linux/386", "linux/386"},
      {"linux/aarch64", "linux/arm64"},
      {"linux/arm64/v8", "linux/arm64"},
      {"linux/arm64/8", "linux/arm64"},
      {"linux/arm64/v9", "linux/arm64/v9"},
      {"linux/arm", "linux/arm/v7"},
      {"linux/arm/7", "linux/arm/v7"},
      {"linux/arm/v6", "linux/arm/v6"},
      {"linux/armhf", "linux/arm/v7"},
      {"linux/armel", "linux/arm/v6"},
      {"linux/riscv64", "linux/riscv64"},
      {"macos/arm64", "darwin/arm64"},
      {"windows/amd64", "windows/amd64"},
      {"unknown/unknown", "unknown/unknown"},
      {"arm", "linux/arm/v7"},
      {"arm64", "linux/arm64"},
      {"aarch64", "linux/arm64"},
      {"amd64", "linux/amd64"},
      {"x86_64", "linux/amd64"},
      {"ppc64le", "linux/ppc64le"},
  };
  for (const Row& row : rows) EXPECT_EQ(parse_platform(row.text).str(), row.normal) << row.text;
}

TEST(Platform, a_system_alone_takes_the_host_architecture) {
  EXPECT_EQ(parse_platform("linux"), host_platform());
  EXPECT_EQ(parse_platform("windows").architecture, host_platform().architecture);
  EXPECT_EQ(parse_platform("windows").os, "windows");
}

TEST(Platform, os_version_in_parentheses) {
  const Platform platform = parse_platform("windows(10.0.17763)/amd64");
  EXPECT_EQ(platform.os_version, "10.0.17763");
  EXPECT_EQ(platform.str(), "windows/amd64");
}

TEST(Platform, FROM_16_malformed_text_is_refused) {
  for (const std::string_view text :
       {"", "/", "linux/", "/amd64", "linux/amd64/v1/x", "linux//v7", "li nux/amd64", "linux/am*64",
        "foo", "*", "linux/amd64/", "windows(10/amd64", "windows()/amd64", "windows(1)x/amd64",
        "lin.ux/amd64"}) {
    SCOPED_TRACE(text);
    tests::expect_error(Errc::invalid, "failed to parse platform ", [&] { parse_platform(text); });
  }
}

TEST(Platform, PLAT_04_host_is_normal) {
  const Platform host = host_platform();
  EXPECT_EQ(host.os, "linux");
  EXPECT_FALSE(host.architecture.empty());
  EXPECT_EQ(normalize(host), host);
  EXPECT_GT(match_score(host, host), 0);
}

TEST(Platform, match_score_says_what_can_run) {
  struct Row {
    std::string_view want;
    std::string_view have;
    bool serves;
  };
  const Row rows[] = {
      {"linux/amd64", "linux/amd64", true},         {"linux/amd64", "linux/x86_64/v1", true},
      {"linux/amd64", "linux/amd64/v2", false},     {"linux/amd64/v3", "linux/amd64/v2", true},
      {"linux/amd64", "linux/arm64", false},        {"linux/amd64", "windows/amd64", false},
      {"linux/amd64", "linux/386", true},           {"linux/386", "linux/amd64", false},
      {"linux/arm/v7", "linux/arm/v6", true},       {"linux/arm/v6", "linux/arm/v7", false},
      {"linux/arm", "linux/arm/v7", true},          {"linux/arm64", "linux/arm/v7", true},
      {"linux/arm64", "linux/arm64/v8", true},      {"linux/arm64/v9", "linux/arm64", true},
      {"linux/arm64", "linux/arm64/v9", false},     {"linux/arm64/v8.2", "linux/arm64/v8.1", true},
      {"linux/amd64", "unknown/unknown", false},    {"linux/ppc64le", "linux/ppc64le", true},
      {"linux/arm/weird", "linux/arm/weird", true}, {"linux/arm/weird", "linux/arm/v6", false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(match_score(parse_platform(row.want), parse_platform(row.have)) > 0, row.serves)
        << row.want << " served by " << row.have;
  }
}

TEST(Platform, match_score_prefers_the_closest) {
  const auto better = [](std::string_view want, std::string_view one, std::string_view other) {
    const Platform wanted = parse_platform(want);
    return match_score(wanted, parse_platform(one)) > match_score(wanted, parse_platform(other));
  };
  EXPECT_TRUE(better("linux/arm/v7", "linux/arm/v7", "linux/arm/v6"));
  EXPECT_TRUE(better("linux/arm/v7", "linux/arm/v6", "linux/arm/v5"));
  EXPECT_TRUE(better("linux/amd64/v3", "linux/amd64/v3", "linux/amd64"));
  EXPECT_TRUE(better("linux/amd64", "linux/amd64", "linux/386"));
  EXPECT_TRUE(better("linux/arm64/v9", "linux/arm64", "linux/arm/v8"));
  EXPECT_TRUE(better("linux/arm64", "linux/arm/v7", "linux/arm/v6"));
}

TEST(Platform, match_score_compares_os_versions) {
  const Platform want = parse_platform("windows(10.0.17763)/amd64");
  EXPECT_GT(match_score(want, want), match_score(want, parse_platform("windows/amd64")));
  EXPECT_EQ(match_score(want, parse_platform("windows(10.0.20348)/amd64")), 0);
}

}  // namespace
}  // namespace cooper::oci
