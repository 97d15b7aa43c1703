// Plans of COPY alone: a copy of the same bytes with another mode is what `RUN chmod` leaves.
#include "builder/fold.h"

#include <gtest/gtest.h>

#include <functional>

#include "builder/assemble.h"
#include "builder/context.h"
#include "tests/builder/quiet_progress.h"
#include "tests/builder/store_fixture.h"
#include "tests/oci/expect_error.h"

namespace cooper::builder {
namespace {

struct Observed : public QuietProgress {
  void activity_started(const std::string& label) override {
    QuietProgress::activity_started(label);
    on_activity();
  }
  std::function<void()> on_activity = [] {};
};

class FoldResults : public StoreTest {
 protected:
  void SetUp() override { write_file(path("context/big"), std::string(100'000, 'b')); }

  std::vector<StepResult> run(const Plan& plan) {
    ExecuteOptions options;
    options.clock = [] { return std::pair<std::int64_t, std::uint32_t>(1'700'000'000, 0); };
    options.open_context = [this](const std::string&) {
      return open_local_context({path("context"), std::nullopt, nullptr, 1}, std::nullopt);
    };
    return execute(plan, *store_, fetcher_, progress_, options, {});
  }
  std::vector<StepResult> fold(const Plan& plan, const std::vector<StepResult>& results,
                               const std::stop_token& stop = {}) {
    Materializer materializer(*store_, fetcher_);
    return fold_metadata(plan, results, {*store_, materializer, progress_, {}}, stop);
  }
  std::vector<layers::Entry> rows(const PlannedLayer& layer) {
    return Materializer(*store_, fetcher_).table(layer)->entries();
  }

  Observed progress_;
};

const char* const kTwice =
    "FROM scratch AS one\nCOPY big /big\nFROM one AS two\nCOPY --chmod=600 big /big\n";

TEST_F(FoldResults, IMG_15_bytes_are_there_once_and_every_step_has_its_layer) {
  const Plan plan = plan_of(kTwice);
  const auto results = run(plan);
  const auto published = fold(plan, results);
  const StepId top = plan.result().rootfs;
  const auto& layers = published[top].rootfs.layers();
  ASSERT_EQ(layers.size(), 2U);
  ASSERT_EQ(rows(layers[0]).size(), 1U);
  EXPECT_EQ(rows(layers[0])[0].mode, 0600U);
  EXPECT_TRUE(rows(layers[1]).empty());
  EXPECT_EQ(make_config(plan.result(), published, std::nullopt).diff_ids.size(), 2U);
  // Steps are what they were, and hit.
  EXPECT_EQ(results[top].rootfs.layers().size(), 2U);
  EXPECT_NE(results[top].rootfs.layers()[0], layers[0]);
  EXPECT_EQ(run(plan)[top].rootfs.layers(), results[top].rootfs.layers());
  // The layers written anew are found again.
  EXPECT_EQ(progress_.activities().size(), 2U);
  const auto again = fold(plan, run(plan));
  EXPECT_EQ(again[top].rootfs.layers(), layers);
  EXPECT_EQ(progress_.activities().size(), 2U);
}

TEST_F(FoldResults, ends_when_asked_and_keeps_nothing) {
  const Plan plan = plan_of(kTwice);
  const auto results = run(plan);
  std::stop_source stop;
  progress_.on_activity = [&] { stop.request_stop(); };
  tests::expect_error(Errc::cancelled, "interrupted",
                      [&] { fold(plan, results, stop.get_token()); });
  progress_.on_activity = [] {};
  EXPECT_EQ(progress_.activities().size(), 1U);
  fold(plan, results);
  EXPECT_EQ(progress_.activities().size(), 3U);  // nothing was found
}

TEST_F(FoldResults, layers_that_two_targets_share_stay_shared) {
  PlanOptions options = amd64_options();
  options.targets = {"one", "two"};
  const Plan plan = plan_of(kTwice, options);
  const auto results = run(plan);
  const auto published = fold(plan, results);
  for (const PlannedTarget& target : plan.targets) {
    EXPECT_EQ(published[target.result.rootfs].rootfs.layers(),
              results[target.result.rootfs].rootfs.layers());
  }
}

}  // namespace
}  // namespace cooper::builder
