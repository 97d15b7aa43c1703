#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parser/check.h"
#include "parser/dockerfile.h"
#include "parser/lint.h"
#include "parser/rules.h"
#include "tests/parser/expect_error.h"

namespace cooper::parser {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Findings lint(const std::string& text) {
  const Dockerfile file = parse_dockerfile("f", text);
  Findings findings(check_of_file(file.directives, nullptr));
  lint_text(file, findings);
  return findings;
}

// "Rule@line" for each finding.
std::vector<std::string> findings(const std::string& text) {
  std::vector<std::string> out;
  for (const Diagnostic& found : lint(text).sorted()) {
    out.push_back(cat(found.rule->name, "@", found.ranges.front().first_line));
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

TEST(Lint, CHECK_08_maintainer) {
  EXPECT_THAT(findings("FROM a\nMAINTAINER x\nmaintainer y\n"),
              ElementsAre("MaintainerDeprecated@2", "MaintainerDeprecated@3", "ConsistentInstructionCasing@3"));
}

TEST(Lint, CHECK_20_descriptions_are_judged_when_asked_for) {
  const std::string text = "# other words\nFROM a AS b\n# c is it\nARG c\n# e\n# check=skip=all\nARG d e\n";
  EXPECT_THAT(findings(text), IsEmpty());
  EXPECT_THAT(findings("# check=experimental=all\n" + text),
              ElementsAre("InvalidDefinitionDescription@3", "InvalidDefinitionDescription@8"));
  EXPECT_THAT(findings("# check=experimental=InvalidDefinitionDescription;skip=all\n" + text).size(), 2U);
  EXPECT_THAT(findings("FROM a\n# x\n# check=experimental=all\nARG y\n"),
              ElementsAre("InvalidDefinitionDescription@4"));
  EXPECT_THAT(findings("# check=experimental=all\n# x\n#\nFROM a AS b\n"), IsEmpty());
}

TEST(Lint, CHECK_23_findings_say_what_and_where) {
  const auto found = lint("FROM a\nMAINTAINER x \\\n y\n").sorted();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(short_text(found[0]), "MaintainerDeprecated: MAINTAINER is deprecated, use a LABEL (line 2)");
  EXPECT_EQ(found[0].ranges, (std::vector<SourceRange>{{2, 3}}));
  EXPECT_FALSE(found[0].rule->description.empty());
  EXPECT_EQ(url_of(*found[0].rule), "https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/");
  EXPECT_EQ(url_of(rules::kJsonArgsRecommended),
            "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/");
  EXPECT_EQ(url_of(rules::kUndefinedArgInFrom),
            "https://docs.docker.com/go/dockerfile/rule/undefined-arg-in-from/");
  EXPECT_EQ(url_of(rules::kInvalidBaseImagePlatform), "");  // CHECK-14
}

TEST(Lint, CHECK_26_skipping_for_one_instruction) {
  EXPECT_THAT(findings("FROM a\n# check=skip=MaintainerDeprecated words\nMAINTAINER b\nMAINTAINER d\n"),
              ElementsAre("MaintainerDeprecated@4"));
  EXPECT_THAT(findings("FROM a\n# check=skip=all\nMAINTAINER x\n"), IsEmpty());
  EXPECT_THAT(findings("FROM a\n# Check = skip=all\nMAINTAINER x\n"), IsEmpty());
  EXPECT_THAT(findings("FROM a\n# check=nonsense\nMAINTAINER x\n"),
              ElementsAre("MaintainerDeprecated@3"));
  EXPECT_THAT(findings("FROM a\n# check=skip=FromAsCasing\nMAINTAINER x\n"),
              ElementsAre("MaintainerDeprecated@3"));
}

TEST(Check, CHECK_24_options) {
  const CheckOptions options = parse_check(" skip=A, StageNameCasing ; error=true;experimental=all ");
  EXPECT_THAT(options.skip, ElementsAre("A", "StageNameCasing"));
  EXPECT_TRUE(options.error);
  EXPECT_TRUE(options.experimental_all);
  EXPECT_FALSE(allows(options, rules::kStageNameCasing));
  EXPECT_TRUE(allows(parse_check("skip=stagenamecasing"), rules::kStageNameCasing));
  EXPECT_FALSE(allows(parse_check("skip=all"), rules::kStageNameCasing));
  EXPECT_TRUE(allows(parse_check("skip=all;experimental=all"), rules::kInvalidDefinitionDescription));
  EXPECT_FALSE(parse_check("").error);
  for (const char* bad : {"x", "skp=A", "error=perhaps", "skip=A;"}) {
    EXPECT_THAT(error_of([bad] { parse_check(bad); }), HasSubstr("invalid check option")) << bad;
  }
}

TEST(Check, DIR_08_CHECK_24_a_build_argument_replaces_the_directive_whole) {
  const Directives directives = parse_dockerfile("f", "# check=skip=A;error=true\nFROM a\n").directives;
  EXPECT_TRUE(check_of_file(directives, nullptr).error);
  const std::string given = "skip=B";
  const CheckOptions replaced = check_of_file(directives, &given);
  EXPECT_FALSE(replaced.error);
  EXPECT_THAT(replaced.skip, ElementsAre("B"));
  const std::string empty;
  EXPECT_THAT(check_of_file(directives, &empty).skip, IsEmpty());
  try {
    check_of_file(parse_dockerfile("f", "#check=skip\nFROM a\n").directives, nullptr);
    ADD_FAILURE() << "was accepted";
  } catch (const DockerfileError& error) {
    EXPECT_EQ(error.ranges(), (std::vector<SourceRange>{{1, 1}}));
  }
}

TEST(Findings, CHECK_25_the_failure_names_the_rules_once_each) {
  Findings findings(parse_check("error=true"));
  EXPECT_FALSE(findings.fails_build());
  const Origin origin{.text = "RUN x", .range = {1, 1}};
  for (const Rule* rule : {&rules::kUndefinedVar, &rules::kCopyIgnoredFile, &rules::kUndefinedVar}) {
    findings.report(*rule, origin, {"a", "b"});
  }
  EXPECT_TRUE(findings.fails_build());
  EXPECT_EQ(findings.failure(), "lint violation found for rules: CopyIgnoredFile, UndefinedVar");
}

TEST(Findings, CHECK_27_of_several_plans_are_told_once) {
  const auto plan = [](Findings& findings, const std::string& text) {
    findings.begin_another_plan();
    lint_text(parse_dockerfile("f", text), findings);
    return findings.sorted().size();
  };
  Findings findings;
  EXPECT_EQ(plan(findings, "FROM a AS B\nFROM a AS C\n"), 2U);
  EXPECT_EQ(plan(findings, "FROM a AS B\nFROM a AS C\n"), 2U);
  EXPECT_EQ(plan(findings, "FROM a AS B\nFROM a AS D\n"), 3U);
}

}  // namespace
}  // namespace cooper::parser
