#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parser/check.h"
#include "parser/dockerfile.h"
#include "parser/rules.h"
#include "tests/parser/expect_error.h"

namespace cooper::parser {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// "Rule@line" for each finding.
std::vector<std::string> findings(const std::string& text) {
  std::vector<std::string> out;
  for (const Diagnostic& found : parse_dockerfile("f", text).warnings) {
    out.push_back(cat(found.rule, "@", found.ranges.front().first_line));
  }
  return out;
}

TEST(Lint, CHECK_01_stage_name_casing) {
  EXPECT_THAT(findings("FROM a AS Base\n"), ElementsAre("StageNameCasing@1"));
}

TEST(Lint, CHECK_02_from_as_casing) {
  EXPECT_THAT(findings("FROM a as b\n"), ElementsAre("FromAsCasing@1"));
  EXPECT_THAT(findings("from a AS b\n"), ElementsAre("FromAsCasing@1"));
  EXPECT_THAT(findings("from a as b\n"), IsEmpty());
}

TEST(Lint, CHECK_03_empty_continuation) {
  EXPECT_THAT(findings("FROM a\nRUN x \\\n\n  y\n"), ElementsAre("NoEmptyContinuation@4"));
}

TEST(Lint, CHECK_04_keyword_casing) {
  EXPECT_THAT(findings("FROM a\nRUN x\nrun y\n"), ElementsAre("ConsistentInstructionCasing@3"));
  EXPECT_THAT(findings("from a\nRUN x\nrun y\n"), ElementsAre("ConsistentInstructionCasing@2"));
  EXPECT_THAT(findings("FROM a\nrun y\n"),
              ElementsAre("ConsistentInstructionCasing@2"));  // a tie counts as upper
  EXPECT_THAT(findings("FROM a\nRun y\n"), ElementsAre("ConsistentInstructionCasing@2"));
  EXPECT_THAT(findings("arg x\nFROM a\n"), IsEmpty());
}

TEST(Lint, CHECK_05_06_stage_names) {
  EXPECT_THAT(findings("FROM a AS x\nFROM b AS x\n"), ElementsAre("DuplicateStageName@2"));
  EXPECT_THAT(findings("FROM a AS scratch\nFROM a AS context\n"),
              ElementsAre("ReservedStageName@1", "ReservedStageName@2"));
}

TEST(Lint, CHECK_08_13_old_forms) {
  EXPECT_THAT(
      findings("FROM a\nMAINTAINER x\nENV a b\nLABEL c d\nENV e=f\n"),
      ElementsAre("MaintainerDeprecated@2", "LegacyKeyValueFormat@3", "LegacyKeyValueFormat@4"));
}

TEST(Lint, CHECK_23_findings_say_what_and_where) {
  const Dockerfile file = parse_dockerfile("f", "FROM a\nMAINTAINER x\n");
  ASSERT_EQ(file.warnings.size(), 1U);
  EXPECT_EQ(file.warnings[0].url,
            "https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/");
  EXPECT_FALSE(file.warnings[0].description.empty());
  EXPECT_EQ(rules::kJsonArgsRecommended.name, "JSONArgsRecommended");
  EXPECT_EQ(rules::kJsonArgsRecommended.url,
            "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/");
  EXPECT_EQ(rules::kInvalidBaseImagePlatform.url, "");
}

TEST(Lint, CHECK_26_skipping_for_one_instruction) {
  EXPECT_THAT(findings("FROM a\n# check=skip=LegacyKeyValueFormat words\nENV a b\nENV c d\n"),
              ElementsAre("LegacyKeyValueFormat@4"));
  EXPECT_THAT(findings("FROM a\n# check=skip=all\nMAINTAINER x\n"), IsEmpty());
  EXPECT_THAT(findings("FROM a\n# check=nonsense\nMAINTAINER x\n"),
              ElementsAre("MaintainerDeprecated@3"));
}

TEST(Check, CHECK_24_options) {
  const CheckOptions options = parse_check(" skip=A, B ; error=true;experimental=all ");
  EXPECT_THAT(options.skip, ElementsAre("A", "B"));
  EXPECT_TRUE(options.error);
  EXPECT_TRUE(options.experimental_all);
  EXPECT_TRUE(skips(options, "A"));
  EXPECT_FALSE(skips(options, "a"));
  EXPECT_TRUE(skips(parse_check("skip=all"), "Anything"));
  EXPECT_FALSE(parse_check("").error);
  for (const char* bad : {"x", "skp=A", "error=perhaps", "skip=A;"}) {
    EXPECT_THAT(error_of([bad] { parse_check(bad); }), HasSubstr("invalid check option")) << bad;
  }
}

}  // namespace
}  // namespace cooper::parser
