// SOURCE_DATE_EPOCH: where it comes from and what it does to variables (rows REPRO-01 … 04, ARG-16).
#include <gtest/gtest.h>

#include "tests/builder/plan_fixture.h"

namespace cooper::builder {
namespace {

std::optional<std::int64_t> epoch_of(const std::string& text, const PlanOptions& options) {
  return plan_of(text, options).source_date_epoch;
}

PlanOptions with_epoch(const std::string& value) { return with_args({{"SOURCE_DATE_EPOCH", value}}); }

TEST(Epoch, REPRO_01_a_build_arg_else_a_global_default) {
  const std::string global = "ARG SOURCE_DATE_EPOCH=7\nFROM scratch\n";
  EXPECT_EQ(epoch_of("FROM scratch\n", amd64_options()), std::nullopt);
  EXPECT_EQ(epoch_of("FROM scratch\n", with_epoch("5")), 5);
  EXPECT_EQ(epoch_of(global, amd64_options()), 7);
  EXPECT_EQ(epoch_of("ARG N=8\nARG SOURCE_DATE_EPOCH=${N}0\nFROM scratch\n", amd64_options()), 80);
  EXPECT_EQ(epoch_of(global, with_epoch("5")), 5);
  EXPECT_EQ(epoch_of(global, with_epoch("")), std::nullopt);
  EXPECT_EQ(epoch_of("ARG SOURCE_DATE_EPOCH=\nFROM scratch\n", amd64_options()), std::nullopt);
  EXPECT_EQ(epoch_of("FROM scratch\nARG SOURCE_DATE_EPOCH=9\n", amd64_options()), std::nullopt) << "a stage's own";
}

TEST(Epoch, REPRO_02_decimal_or_an_error) {
  EXPECT_EQ(epoch_of("FROM scratch\n", with_epoch("-1")), -1);
  for (const char* bad : {"x", "1.5", "5 ", "0x5", "99999999999999999999"}) {
    EXPECT_HAS(failure_of("FROM scratch\n", with_epoch(bad)).message, cat("invalid SOURCE_DATE_EPOCH: ", bad));
  }
}

TEST(Epoch, REPRO_03_a_local_context_has_no_time) {
  EXPECT_EQ(epoch_of("FROM scratch\n", with_epoch("context")), std::nullopt);
  PlanOptions options = with_epoch("context");
  options.context_time = 12;
  EXPECT_EQ(epoch_of("FROM scratch\n", options), 12);
  options.context_time_unknown = true;  // never as if there were none
  EXPECT_HAS(failure_of("FROM scratch\n", options).message, "SOURCE_DATE_EPOCH from context is not supported yet");
  options = with_epoch("assets");
  options.named_contexts = directories({"assets"});
  EXPECT_EQ(epoch_of("FROM scratch\n", options), std::nullopt);
}

TEST(Epoch, ARG_16_a_stage_sees_the_number_or_nothing) {
  const std::string text = "FROM scratch\nARG SOURCE_DATE_EPOCH\nLABEL e=<${SOURCE_DATE_EPOCH-unset}>\n";
  const auto label = [&](const std::string& file, const PlanOptions& options) {
    return plan_of(file, options).result().config.labels.at("e");
  };
  EXPECT_EQ(label(text, with_epoch("12")), "<12>");
  EXPECT_EQ(label(text, with_epoch("context")), "<unset>");
  EXPECT_EQ(label("ARG SOURCE_DATE_EPOCH=012\n" + text, amd64_options()), "<12>");
  EXPECT_EQ(label("ARG SOURCE_DATE_EPOCH=context\n" + text, amd64_options()), "<unset>");
  PlanOptions options = with_epoch("context");
  options.context_time = 34;
  EXPECT_EQ(label(text, options), "<34>");
}

}  // namespace
}  // namespace cooper::builder
