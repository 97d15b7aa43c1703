#include "cmd/target_results.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "cmd/build_flags.h"

namespace cooper::cmd {
namespace {

BuildFlags flags_for(std::vector<std::string> targets) {
  BuildFlags flags;
  flags.targets = std::move(targets);
  return flags;
}

TEST(TargetResults, without_a_target_there_is_one_result) {
  BuildFlags flags;
  flags.tags = {"app"};
  const Results results = read_results(flags, 1);
  ASSERT_EQ(results.targets.size(), 1U);
  EXPECT_EQ(results.targets[0].target, "");
  EXPECT_EQ(results.targets[0].outputs.at(0).names.at(0).str(), "docker.io/library/app:latest");
}

TEST(TargetResults, targets_are_repeated_or_listed_and_count_once) {
  const Results results = read_results(flags_for({"a,B", "b", "c"}), 1);
  ASSERT_EQ(results.targets.size(), 3U);
  EXPECT_EQ(results.targets[1].target, "B");
}

TEST(TargetResults, OUT_03_standard_output_takes_one_output) {
  BuildFlags flags = flags_for({});
  flags.outputs = {"type=oci", "type=local,dest=d"};
  EXPECT_NO_THROW(read_results(flags, 1));
  flags.outputs.emplace_back("type=tar,dest=-");
  EXPECT_THROW(read_results(flags, 1), Error);
}

TEST(TargetResults, each_target_has_its_own_names_and_places) {
  BuildFlags flags = flags_for({"api,web"});
  flags.tags = {"shop-{target}:1"};
  flags.outputs = {"type=oci,dest=out/{target}.tar", "type=local,dest=trees", "other-{target}",
                   "type=oci,tar=false,dest=l"};
  flags.iid_file = "{target}.id";
  flags.metadata_file = "all.json";
  const TargetResult web = read_results(flags, 1).targets.at(1);
  EXPECT_EQ(web.names.at(0).str(), "docker.io/library/shop-web:1");
  EXPECT_EQ(web.outputs.at(0).destination, "out/web.tar");
  EXPECT_EQ(web.outputs.at(1).destination, "trees/web");
  EXPECT_EQ(web.outputs.at(2).destination, "other-web");
  EXPECT_EQ(web.outputs.at(3).destination, "l/web");
  EXPECT_EQ(web.outputs.at(4).kind, builder::Output::Kind::image);
  EXPECT_EQ(web.iid_file, "web.id");
  EXPECT_EQ(web.metadata_file, "all.json");
}

TEST(TargetResults, one_named_target_may_use_the_placeholder_and_needs_none) {
  BuildFlags flags = flags_for({"api"});
  flags.tags = {"{target}", "plain"};
  flags.outputs = {"type=local,dest=d"};
  const TargetResult api = read_results(flags, 1).targets.at(0);
  EXPECT_EQ(api.names.at(0).str(), "docker.io/library/api:latest");
  EXPECT_EQ(api.outputs.at(0).destination, "d");
}

TEST(TargetResults, OUT_22_targets_tell_in_one_metadata_file_or_in_their_own) {
  BuildFlags flags = flags_for({"a", "B"});
  flags.iid_file = "id-{target}";
  const std::vector<builder::AssembledImage> images(2);
  const auto paths = [&] {
    std::string joined;
    for (const ResultFile& file : result_files(read_results(flags, 1).targets, images))
      joined += file.path + " ";
    return joined;
  };
  EXPECT_EQ(paths(), "id-a id-b ");
  flags.metadata_file = "m-{target}";
  EXPECT_EQ(paths(), "id-a m-a id-b m-b ");
  flags.metadata_file = "m";
  EXPECT_EQ(paths(), "id-a id-b m ");
  const std::string text = result_files(read_results(flags, 1).targets, images).back().content;
  EXPECT_NE(text.find("\"a\": {"), std::string::npos) << text;
  EXPECT_NE(text.find("\"b\": {"), std::string::npos) << text;
}

TEST(TargetResults, what_would_overwrite_another_result_is_refused) {
  const std::vector<void (*)(BuildFlags&)> table = {
      [](BuildFlags& f) { f.tags = {"app"}; },
      [](BuildFlags& f) { f.outputs = {"type=oci,dest=x.tar"}; },
      [](BuildFlags& f) { f.outputs = {"type=tar,dest=x.tar"}; },
      [](BuildFlags& f) { f.outputs = {"type=image,name=x"}; },
      [](BuildFlags& f) { f.iid_file = "id"; },
      [](BuildFlags& f) { f.outputs = {"-"}; },
      [](BuildFlags& f) { f.outputs = {"type=docker,dest=-"}; },
  };
  for (std::size_t i = 0; i < table.size(); ++i) {
    BuildFlags one = flags_for({"a"});
    BuildFlags several = flags_for({"a", "b"});
    table[i](one);
    table[i](several);
    EXPECT_NO_THROW(read_results(one, 1)) << i;
    EXPECT_THROW(read_results(several, 1), Error) << i;
  }
}

}  // namespace
}  // namespace cooper::cmd
