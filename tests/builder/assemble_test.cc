#include "builder/assemble.h"

#include <gtest/gtest.h>

#include "builder/scope.h"
#include "tests/builder/plan_fixture.h"
#include "tests/support/memory_blobs.h"

namespace cooper::builder {
namespace {

// As if every step of the plan had made a layer of its own, one hour after the other.
std::vector<StepResult> made_up_results(const Plan& plan) {
  std::vector<StepResult> results(plan.steps.size());
  for (StepId id = 0; id < plan.steps.size(); ++id) {
    if (const auto* source = std::get_if<SourceStep>(&plan.steps[id].operation)) {
      results[id].rootfs = LayerStack(source->layers);
      continue;
    }
    results[id].rootfs = results[inputs_of(plan.steps[id]).at(0)].rootfs;
    results[id].rootfs.push(made_up_layer("step " + std::to_string(id)));
    results[id].created = oci::format_time(1'700'000'000 + 3600 * static_cast<std::int64_t>(id));
  }
  return results;
}

oci::ImageConfig config_of(const Plan& plan,
                           const std::optional<std::int64_t>& epoch = std::nullopt) {
  return make_config(plan.result(), made_up_results(plan), epoch);
}

oci::ImageConfig config_of(const std::string& text,
                           const std::optional<std::int64_t>& epoch = std::nullopt) {
  return config_of(plan_of(text), epoch);
}

Annotation annotation(Annotation::Place place, const std::string& key, const std::string& value,
                      const std::optional<oci::Platform>& platform = std::nullopt) {
  return {place, platform, key, value};
}

std::size_t filled(const oci::ImageConfig& config) {
  return static_cast<std::size_t>(
      std::count_if(config.history.begin(), config.history.end(),
                    [](const auto& entry) { return !entry.empty_layer; }));
}

constexpr const char* kEverything =
    "ARG G=1\nFROM busybox\nARG v=1\nENV a=b c=d\nLABEL k=v\nUSER u\nEXPOSE 80\nVOLUME /v\nCMD "
    "[\"a\", \"b\"]\n"
    "SHELL [\"/s\", \"-c\"]\nSTOPSIGNAL 9\nWORKDIR /\nRUN x\nCOPY f /\nADD g /\nWORKDIR "
    "/w\nONBUILD RUN y\n";

TEST(Assemble, IMG_01_IMG_03_one_entry_per_instruction) {
  const oci::ImageConfig config = config_of(kEverything);
  Words created_by;
  for (const auto& entry : config.history) created_by.push_back(entry.created_by);
  EXPECT_EQ(created_by,
            (Words{"base files", "CMD [\"sh\"]", "ARG v=1", "ENV a=b c=d", "LABEL k=v", "USER u",
                   "EXPOSE [80/tcp]", "VOLUME [/v]", "CMD [\"a\" \"b\"]", "SHELL [/s -c]",
                   "STOPSIGNAL 9", "WORKDIR /", "RUN |1 v=1 /s -c x # buildkit",
                   "COPY f / # buildkit", "ADD g / # buildkit", "WORKDIR /w"}));
  for (std::size_t i = 0; i < config.history.size(); ++i) {
    EXPECT_EQ(config.history[i].comment, i < 2 ? "" : "buildkit.dockerfile.v0");
  }
}

TEST(Assemble, IMG_02_layers_come_from_four_instructions) {
  const oci::ImageConfig config = config_of(kEverything);
  EXPECT_EQ(config.diff_ids.size(), 5U);
  EXPECT_EQ(filled(config), 5U);
  EXPECT_EQ(config.diff_ids[0], made_up_base("busybox").layers[0].diff_id);
}

TEST(Assemble, IMG_02_a_stage_that_continues_another_numbers_both) {
  const oci::ImageConfig config =
      config_of("FROM busybox AS a\nRUN x\nENV e=1\nFROM a\nCOPY f /\n");
  EXPECT_EQ(config.diff_ids.size(), 3U);
  EXPECT_EQ(filled(config), 3U);
  EXPECT_EQ(config.history.size(), 5U);
}

TEST(Assemble, IMG_04_metadata_takes_the_time_of_a_neighbour) {
  const Plan plan = plan_of("FROM busybox\nENV a=1\nRUN x\nENV b=1\nRUN y\nENV c=1\n");
  const oci::ImageConfig config = config_of(plan);
  const auto results = made_up_results(plan);
  Words times;
  for (const auto& entry : config.history) times.push_back(entry.created);
  const std::string x = results[1].created;
  const std::string y = results[2].created;
  EXPECT_EQ(times, (Words{"2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z", x, x, x, y, y}));
  EXPECT_EQ(config.created, y);
}

TEST(Assemble, IMG_04_without_a_new_layer_the_base_gives_the_time) {
  EXPECT_EQ(config_of("FROM busybox\nENV a=1\n").created, "2020-01-02T00:00:00Z");
  EXPECT_EQ(config_of("FROM scratch\nENV a=1\n").created, "");
}

TEST(Assemble, REPRO_05_an_epoch_is_every_new_time) {
  const std::string epoch = "2001-09-09T01:46:40Z";
  const oci::ImageConfig config = config_of("FROM busybox\nENV a=1\nRUN x\n", 1'000'000'000);
  EXPECT_EQ(config.created, epoch);
  EXPECT_EQ(config.history[0].created, "2020-01-01T00:00:00Z");
  EXPECT_EQ(config.history[2].created, epoch);
  EXPECT_EQ(config.history[3].created, epoch);
  EXPECT_EQ(config_of("FROM busybox\n", 1'000'000'000).created, epoch);
  EXPECT_EQ(config_of("FROM scratch\n", 1'000'000'000).created, epoch);
}

struct BaseHistory {
  const char* name;
  std::vector<bool> empty;  // of the base's entries
  std::size_t layers;
  std::vector<bool> mended;
};

TEST(Assemble, IMG_05_a_base_whose_history_disagrees_is_mended) {
  const BaseHistory table[] = {{"missing entries", {false}, 3, {false, false, false}},
                               {"no history", {}, 2, {false, false}},
                               {"surplus entries", {false, false, true}, 1, {false, true, true}},
                               {"FROM_20 no layers", {false, true}, 0, {true, true}},
                               {"right", {true, false}, 1, {true, false}}};
  for (const BaseHistory& row : table) {
    FakeResolver resolver;
    ResolvedBase& base = resolver.images["busybox"];
    base.layers.clear();
    base.config.history.clear();
    for (const bool empty : row.empty) base.config.history.push_back({"t", "h", "", "", empty});
    for (std::size_t i = 0; i < row.layers; ++i)
      base.layers.push_back(made_up_layer(std::to_string(i)));
    const oci::ImageConfig config =
        config_of(plan_of("FROM busybox\nRUN x\n", amd64_options(), resolver));
    std::vector<bool> mended;
    for (const auto& entry : config.history) mended.push_back(entry.empty_layer);
    ASSERT_EQ(mended.size(), row.mended.size() + 1) << row.name;
    EXPECT_FALSE(mended.back()) << row.name;
    mended.pop_back();
    EXPECT_EQ(mended, row.mended) << row.name;
    EXPECT_EQ(filled(config), config.diff_ids.size()) << row.name;
    if (row.mended.size() > row.empty.size()) {
      EXPECT_EQ(config.history[row.mended.size() - 1].comment, "buildkit.exporter.image.v0");
    }
  }
}

TEST(Assemble, IMG_07_path_is_always_there) {
  FakeResolver resolver;
  resolver.images["busybox"].config.env.clear();
  EXPECT_EQ(config_of(plan_of("FROM busybox\n", amd64_options(), resolver)).env,
            Words{kDefaultPath});
}

TEST(Assemble, IMG_08_IMG_09_manifest_in_oci_types_with_the_bases_blobs) {
  FakeResolver resolver;
  resolver.images["busybox"].layers[0].descriptor.media_type = oci::kDockerLayerGzipType;
  const Plan plan = plan_of("FROM busybox\nRUN x\n", amd64_options(), resolver);
  tests::MemoryBlobs blobs;
  const AssembledImage image =
      assemble(plan.targets[0], made_up_results(plan), std::nullopt, {annotation(Annotation::Place::manifest, "k", "v")}, blobs);
  EXPECT_EQ(image.manifest.media_type, oci::kManifestType);
  const oci::Manifest manifest =
      oci::parse_manifest(blobs.content(image.manifest.digest), "manifest");
  EXPECT_EQ(manifest.annotations, (oci::Annotations{{"k", "v"}}));  // IMG-11
  ASSERT_EQ(manifest.layers.size(), 2U);
  EXPECT_EQ(manifest.layers[0].digest, made_up_base("busybox").layers[0].descriptor.digest);
  EXPECT_EQ(manifest.layers[0].media_type, oci::kLayerGzipType);
  EXPECT_EQ(oci::parse_config(blobs.content(manifest.config.digest), "config"), image.config);
}

TEST(Assemble, equal_builds_give_equal_manifests) {
  const Plan plan = plan_of(kEverything);
  tests::MemoryBlobs blobs;
  const auto first = assemble(plan.targets[0], made_up_results(plan), std::nullopt, {}, blobs);
  const auto second = assemble(plan.targets[0], made_up_results(plan), std::nullopt, {}, blobs);
  EXPECT_EQ(first.manifest, second.manifest);
}

TEST(Assemble, OUT_19_scratch_with_metadata_only) {
  const oci::ImageConfig config = config_of("FROM scratch\nLABEL a=b\n");
  EXPECT_TRUE(config.diff_ids.empty());
  EXPECT_EQ(config.history.size(), 1U);
  EXPECT_EQ(config.platform.str(), "linux/amd64");  // PLAT-06
}

// -- several platforms ----------------------------------------------------------------------------

const oci::Platform kAmd64{"linux", "amd64", "", ""};
const oci::Platform kArm64{"linux", "arm64", "", ""};

Plan two_platforms(const std::string& text) {
  PlanOptions options = amd64_options();
  options.platforms = {kArm64, kAmd64};
  return plan_of(text, options);
}

TEST(Assemble, IMG_10_PLAT_07_an_index_in_the_order_that_was_asked_for) {
  const Plan plan = two_platforms("FROM --platform=linux/amd64 busybox\nRUN x\n");
  tests::MemoryBlobs blobs;
  const AssembledImage image = assemble(plan.targets[0], made_up_results(plan), std::nullopt, {}, blobs);
  EXPECT_EQ(image.manifest.media_type, oci::kIndexType);
  const oci::Index index = oci::parse_index(blobs.content(image.manifest.digest), "index");
  ASSERT_EQ(index.manifests.size(), 2U);
  EXPECT_EQ(index.manifests[0].platform, kArm64);
  EXPECT_EQ(index.manifests[1].platform, kAmd64);
  for (const oci::Descriptor& entry : index.manifests) {
    const oci::Manifest manifest = oci::parse_manifest(blobs.content(entry.digest), "manifest");
    EXPECT_EQ(oci::parse_config(blobs.content(manifest.config.digest), "config").platform, *entry.platform);
  }
}

TEST(Assemble, IMG_11_annotations_have_their_places) {
  using Place = Annotation::Place;
  const Plan plan = two_platforms("FROM scratch\n");
  const std::vector<Annotation> annotations = {annotation(Place::manifest, "m", "1"),
                                               annotation(Place::manifest, "m", "arm", kArm64),
                                               annotation(Place::manifest_descriptor, "d", "amd", kAmd64),
                                               annotation(Place::index, "i", "2"),
                                               annotation(Place::index_descriptor, "id", "3")};
  check_annotations(plan.targets[0], annotations);
  tests::MemoryBlobs blobs;
  const AssembledImage image = assemble(plan.targets[0], made_up_results(plan), std::nullopt, annotations, blobs);
  EXPECT_EQ(image.manifest.annotations, (oci::Annotations{{"id", "3"}}));
  const oci::Index index = oci::parse_index(blobs.content(image.manifest.digest), "index");
  EXPECT_EQ(index.annotations, (oci::Annotations{{"i", "2"}}));
  const auto of_manifest = [&](std::size_t at) {
    return oci::parse_manifest(blobs.content(index.manifests.at(at).digest), "manifest").annotations;
  };
  EXPECT_EQ(of_manifest(0), (oci::Annotations{{"m", "arm"}}));
  EXPECT_EQ(of_manifest(1), (oci::Annotations{{"m", "1"}}));
  EXPECT_TRUE(index.manifests[0].annotations.empty());
  EXPECT_EQ(index.manifests[1].annotations, (oci::Annotations{{"d", "amd"}}));
}

TEST(Assemble, IMG_12_annotations_without_a_place_are_refused) {
  using Place = Annotation::Place;
  const auto refused = [](const Plan& plan, const Annotation& annotation) -> std::string {
    try {
      check_annotations(plan.targets[0], {annotation});
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  };
  const Plan one = plan_of("FROM scratch\n");
  const Plan two = two_platforms("FROM scratch\n");
  EXPECT_HAS(refused(one, annotation(Place::index, "k", "v")), "index annotations not supported for single platform export");
  EXPECT_HAS(refused(one, annotation(Place::index_descriptor, "k", "v")), "index annotations not supported");
  EXPECT_EQ(refused(two, annotation(Place::index, "k", "v")), "accepted");
  EXPECT_EQ(refused(one, annotation(Place::manifest, "k", "v", kAmd64)), "accepted");
  EXPECT_HAS(refused(one, annotation(Place::manifest, "k", "v", kArm64)), "no platform linux/arm64 found");
  EXPECT_HAS(refused(two, annotation(Place::manifest, "k", "v", oci::Platform{"linux", "s390x", "", ""})), "no platform");
}

}  // namespace
}  // namespace cooper::builder
