#include "parser/suggest.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace cooper::parser {
namespace {

constexpr std::array<std::string_view, 3> kWords = {"mount", "network", "security"};

TEST(Suggest, ERR_05_nearest_within_two) {
  EXPECT_EQ(find_suggestion("mont", kWords), "mount");
  EXPECT_EQ(find_suggestion("netwrk", kWords), "network");
  EXPECT_EQ(find_suggestion("securtiy", kWords), "security");
  EXPECT_EQ(find_suggestion("mo", kWords), std::nullopt);
  EXPECT_EQ(find_suggestion("mount", kWords), std::nullopt);
  EXPECT_EQ(find_suggestion("Mount", kWords), "mount");
  EXPECT_EQ(find_suggestion("", kWords), std::nullopt);
}

TEST(Suggest, ERR_05_ends_after_many_comparisons) {
  const std::vector<std::string> names(20'000, "name");
  SuggestionBudget budget;
  EXPECT_EQ(budget.find("nam", names), "name");
  EXPECT_EQ(budget.find("nam", names), "name");
  EXPECT_EQ(budget.find("nam", names), std::nullopt);
}

TEST(Suggest, LEX_12_copies_the_case) {
  EXPECT_EQ(find_suggestion("MONT", kWords, Case::ignored), "MOUNT");
  EXPECT_EQ(find_suggestion("mont", kWords, Case::ignored), "mount");
  EXPECT_EQ(find_suggestion("MOUNT", kWords, Case::ignored), std::nullopt);
}

TEST(Suggest, text_and_distance) {
  EXPECT_EQ(did_you_mean("x"), " (did you mean x?)");
  EXPECT_EQ(did_you_mean(std::nullopt), "");
  EXPECT_EQ(edit_distance("kitten", "sitting", 5), 3);
  EXPECT_EQ(edit_distance("kitten", "sitting", 2), 3);
  EXPECT_EQ(edit_distance("a", std::string(1000, 'b'), 2), 3);
}

}  // namespace
}  // namespace cooper::parser
