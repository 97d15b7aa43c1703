#include "builder/step_equality.h"

#include <gtest/gtest.h>

#include "layers/tree.h"

namespace cooper::builder {
namespace {

constexpr std::int64_t kLongAgo = 1'000'000'000;
constexpr StepPeriod kFirst{2'000'000'000, 2'000'000'010};
constexpr StepPeriod kAgain{2'000'005'000, 2'000'005'010};

layers::Entry entry(const char* path, std::int64_t seconds, layers::EntryType type = layers::EntryType::file) {
  layers::Entry made;
  made.path = TreePath::clean(path);
  made.type = type;
  made.mode = 0755;
  made.mtime = {seconds, 7};
  if (type == layers::EntryType::file) made.content = oci::ContentDigest{oci::sha256("")};
  return made;
}

class StepEquality : public testing::Test {
 protected:
  void below(std::vector<layers::Entry> entries) {
    layers::LayerView view{std::make_shared<const layers::Table>(layers::Table(std::move(entries))), std::nullopt};
    below_ = layers::merge_layers({std::move(view)});
  }
  oci::ContentDigest of(std::vector<layers::Entry> entries, const StepPeriod& period) const {
    return equality_of(layers::Table(std::move(entries)), *below_, period);
  }

  std::unique_ptr<layers::Tree> below_ = layers::merge_layers({});
};

TEST_F(StepEquality, CACHE_20_when_a_file_was_made_says_nothing) {
  const auto first = of({entry("f", kFirst.began + 3)}, kFirst);
  EXPECT_EQ(first, of({entry("f", kAgain.ended)}, kAgain));
  EXPECT_EQ(first, of({entry("f", kAgain.began - 1)}, kAgain));  // the clock of files lags
}

TEST_F(StepEquality, CACHE_20_a_time_that_was_chosen_counts) {
  const auto first = of({entry("f", kLongAgo)}, kFirst);
  EXPECT_EQ(first, of({entry("f", kLongAgo)}, kAgain));
  EXPECT_NE(first, of({entry("f", kLongAgo + 1)}, kAgain));
  EXPECT_NE(first, of({entry("f", kAgain.began)}, kAgain));
  EXPECT_NE(first, of({entry("f", kAgain.ended + 1)}, kAgain));
}

// As a directory that something was put into beneath, or a file that got another owner, keeps its time: that it was made
// shortly before the step is no matter of the step.
TEST_F(StepEquality, CACHE_20_a_time_that_stayed_is_no_matter_of_when_the_step_ran) {
  below({entry("d", kFirst.began - 1, layers::EntryType::directory), entry("d/f", kFirst.began - 1)});
  const std::vector<layers::Entry> kept = {entry("d", kFirst.began - 1, layers::EntryType::directory),
                                           entry("d/f", kFirst.began - 1)};
  EXPECT_EQ(of(kept, kFirst), of(kept, kAgain));
  EXPECT_NE(of(kept, kFirst), of({kept[0], entry("d/f", kLongAgo)}, kAgain));
}

TEST_F(StepEquality, CACHE_20_new_directories_hide_nothing_beside_them) {
  below({entry("e", kFirst.began - 1)});
  const auto with = [&](const StepPeriod& period) {
    return of({entry("d", period.began, layers::EntryType::directory), entry("d/e", kLongAgo), entry("e", kFirst.began - 1)},
              period);
  };
  EXPECT_EQ(with(kFirst), with(kAgain));
}

}  // namespace
}  // namespace cooper::builder
