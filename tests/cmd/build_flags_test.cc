#include "cmd/build_flags.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

namespace cooper::cmd {
namespace {

using Words = std::vector<std::string>;

BuildFlags flags_of(Words words) {
  CLI::App app;
  BuildFlags flags;
  add_build_flags(app, flags);
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  app.parse(words);
  return flags;
}

TEST(BuildFlags, where_one_value_counts_it_is_the_last) {
  const BuildFlags flags =
      flags_of({"-f", "a", "--progress=plain", "--pull", ".", "--file", "b", "--progress", "tty",
                "--pull=false", "--no-cache", "--no-cache", "--network=none", "--network=host"});
  EXPECT_EQ(flags.file, "b");
  EXPECT_EQ(flags.progress, "tty");
  EXPECT_EQ(flags.pull, false);
  EXPECT_TRUE(flags.no_cache);
  EXPECT_EQ(flags.network, "host");
}

TEST(BuildFlags, what_may_be_repeated_is_kept_in_order) {
  const BuildFlags flags =
      flags_of({"-t", "a", "--build-arg", "B=1", "-t", "b", "--build-arg", "B=2", "."});
  EXPECT_EQ(flags.tags, (Words{"a", "b"}));
  EXPECT_EQ(flags.build_args, (Words{"B=1", "B=2"}));
  EXPECT_EQ(flags.context, ".");
}

TEST(BuildFlags, the_store_limit_may_come_from_the_environment) {
  EXPECT_EQ(flags_of({"."}).store_limit, "");
  ASSERT_EQ(::setenv("COOPER_STORE_LIMIT", "5g", 1), 0);
  EXPECT_EQ(flags_of({"."}).store_limit, "5g");
  EXPECT_EQ(flags_of({"--store-limit=7g", "."}).store_limit, "7g");
  ASSERT_EQ(::unsetenv("COOPER_STORE_LIMIT"), 0);
}

TEST(BuildFlags, attestations_may_be_declined) {
  EXPECT_EQ(flags_of({"--attest", "type=sbom,disabled=true", "--attest=type=provenance,disabled=1",
                      "--sbom=false", "--provenance", "false", "--load", "."})
                .refused,
            Words{});
  for (const std::string wanted :
       {"--attest=type=sbom", "--attest=type=sbom,disabled=false", "--provenance=mode=max",
        "--provenance=true", "--sbom=generator=x"}) {
    EXPECT_EQ(flags_of({wanted, "."}).refused, Words{wanted.substr(0, wanted.find('='))}) << wanted;
  }
  EXPECT_EQ(flags_of({"--attest=type=sbom", "--attest=type=provenance,disabled=true", "."}).refused,
            Words{"--attest"});
}

TEST(BuildFlags, there_is_one_context) {
  EXPECT_THROW(flags_of({"a", "b"}), CLI::ParseError);
  EXPECT_THROW(flags_of({}), CLI::ParseError);
}

}  // namespace
}  // namespace cooper::cmd
