#include "builder/stage_table.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/builder/plan_fixture.h"

namespace cooper::builder {
namespace {

constexpr const char* kThreeStages =
    "ARG V=1\n"
    "FROM scratch AS Build\n"
    "RUN a\n"
    "FROM scratch\n"
    "FROM scratch AS last\n"
    "RUN b\n"
    "RUN c\n";

class Stages : public ::testing::Test {
 protected:
  parser::Dockerfile dockerfile_ = parser::parse_dockerfile("Dockerfile", kThreeStages);
  StageTable table_{dockerfile_};
};

TEST_F(Stages, instructions_belong_to_the_stage_above_them) {
  ASSERT_EQ(table_.stages().size(), 3U);
  EXPECT_EQ(table_.globals().size(), 1U);
  EXPECT_EQ(table_.stages()[0].body.size(), 1U);
  EXPECT_EQ(table_.stages()[1].body.size(), 0U);
  EXPECT_EQ(table_.stages()[2].body.size(), 2U);
  EXPECT_EQ(table_.stages()[0].shown(), "build");
  EXPECT_EQ(table_.stages()[1].shown(), "1");
}

TEST_F(Stages, FROM_10_target_by_name_in_any_case_else_the_last) {
  EXPECT_EQ(table_.target(""), 2U);
  EXPECT_EQ(table_.target("build"), 0U);
  EXPECT_EQ(table_.target("BUILD"), 0U);
  EXPECT_THROW(table_.target("0"), parser::DockerfileError);  // FROM-05: no numbers
}

TEST_F(Stages, FROM_10_unknown_target_suggests) {
  try {
    table_.target("buidl");
    FAIL() << "an unknown target was found";
  } catch (const parser::DockerfileError& error) {
    EXPECT_HAS(error.what(), "target stage \"buidl\" could not be found (did you mean build?)");
  }
}

TEST_F(Stages, FROM_04_from_wants_the_exact_lower_case_name_of_an_earlier_stage) {
  EXPECT_EQ(table_.for_from("build", 2), 0U);
  EXPECT_EQ(table_.for_from("Build", 2), std::nullopt);
  EXPECT_EQ(table_.for_from("0", 2), std::nullopt);
  EXPECT_EQ(table_.for_from("last", 2), std::nullopt);
  EXPECT_EQ(table_.for_from("", 2), std::nullopt);
}

TEST_F(Stages, FROM_05_copy_takes_any_case_and_numbers) {
  EXPECT_EQ(table_.for_copy("BUILD", 2, true, "copy"), 0U);
  EXPECT_EQ(table_.for_copy("1", 2, true, "copy"), 1U);
  EXPECT_EQ(table_.for_copy("1", 2, false, "mount"), std::nullopt);
  EXPECT_EQ(table_.for_copy("busybox", 2, true, "copy"), std::nullopt);
  EXPECT_EQ(table_.for_copy("1x", 2, true, "copy"), std::nullopt);
  EXPECT_EQ(table_.for_copy("+1", 2, true, "copy"), 1U);
  EXPECT_EQ(table_.for_copy("+-1", 2, true, "copy"), std::nullopt);
}

struct Refusal {
  const char* word;
  std::size_t current;
  const char* verb;
  const char* message;
};

TEST_F(Stages, FROM_06_FROM_11_refusals_of_copy) {
  const Refusal table[] = {
      {"last", 1, "copy",
       "cannot copy from stage \"last\", it needs to be defined before current stage \"1\""},
      {"LAST", 0, "mount",
       "cannot mount from stage \"last\", it needs to be defined before current stage \"build\""},
      {"last", 2, "copy", "circular dependency detected on stage: last"},
      {"2", 2, "copy", "circular dependency detected on stage: 2"},
      {"2", 0, "copy", "cannot copy from stage \"2\", it needs to be defined before current stage \"build\""},
      {"7", 2, "copy", "invalid stage index 7"},
      {"-1", 2, "copy", "invalid stage index -1"},
  };
  for (const Refusal& row : table) {
    try {
      table_.for_copy(row.word, row.current, true, row.verb);
      ADD_FAILURE() << row.word << " was accepted";
    } catch (const parser::DockerfileError& error) {
      EXPECT_HAS(error.what(), row.message);
    }
  }
}

TEST(StageTable, FROM_08_a_name_used_twice_means_the_latest) {
  const auto dockerfile = parser::parse_dockerfile(
      "Dockerfile", "FROM scratch AS x\nFROM scratch AS X\nFROM x\nFROM scratch AS x\n");
  const StageTable table(dockerfile);
  EXPECT_EQ(table.for_from("x", 2), 1U);
  EXPECT_EQ(table.target("x"), 3U);
  EXPECT_THROW(table.for_copy("x", 2, true, "copy"), parser::DockerfileError);  // the latest of all: it comes later
}

TEST(StageTable, LEX_10_LEX_11_files_without_stages) {
  for (const char* text : {"ARG A=1\n", "RUN x\n", "", "# nothing\n"}) {
    EXPECT_THROW(plan_of(text), parser::DockerfileError) << text;
  }
}

}  // namespace
}  // namespace cooper::builder
