// From a reference to one image.
#include <gtest/gtest.h>

#include "base/error.h"
#include "oci/registry.h"
#include "tests/support/fake_registry.h"

namespace cooper::oci {
namespace {

using tests::FakeRegistry;

const Platform kAmd64{"linux", "amd64", "", ""};

ClientOptions quick() {
  ClientOptions options;
  options.sleep = [](std::chrono::milliseconds) {};
  return options;
}

Reference at(const std::string& host) {
  return {host, "team/app", "latest", std::nullopt};
}

Descriptor entry(const std::string& name, std::optional<Platform> platform,
                 std::string_view type = kManifestType) {
  Descriptor descriptor;
  descriptor.media_type = type;
  descriptor.digest = {sha256(name)};
  descriptor.platform = std::move(platform);
  return descriptor;
}

// Puts an image of that architecture and returns its manifest's descriptor.
Descriptor put_image(FakeRegistry& fake, const std::string& tag, const std::string& architecture,
                     std::string_view config_type = kConfigType) {
  ImageConfig config;
  config.platform = {"linux", architecture, "", ""};
  config.env = {"A=" + architecture};
  Manifest manifest;
  manifest.config = fake.put_blob("team/app", to_json(config));
  manifest.config.media_type = config_type;
  Descriptor descriptor = fake.put_manifest("team/app", tag, kManifestType, to_json(manifest));
  descriptor.platform = config.platform;
  return descriptor;
}

TEST(SelectManifest, the_best_platform_wins_and_attestations_never) {
  Index index;
  index.manifests = {entry("attestation", Platform{"unknown", "unknown", "", ""}),
                     entry("arm6", Platform{"linux", "arm", "v6", ""}),
                     entry("arm7", Platform{"linux", "arm", "v7", ""}),
                     entry("amd", kAmd64),
                     entry("amd again", kAmd64),
                     entry("layer", kAmd64, kLayerTarType)};
  EXPECT_EQ(select_manifest(index, kAmd64), index.manifests[3]);
  EXPECT_EQ(select_manifest(index, {"linux", "arm", "v7", ""}), index.manifests[2]);
  EXPECT_EQ(select_manifest(index, {"linux", "arm", "v6", ""}), index.manifests[1]);
  EXPECT_EQ(select_manifest(index, {"linux", "s390x", "", ""}), std::nullopt);
  EXPECT_EQ(select_manifest(index, {"unknown", "unknown", "", ""}), std::nullopt);
  EXPECT_EQ(select_manifest({}, kAmd64), std::nullopt);
}

TEST(SelectManifest, an_entry_without_platform_serves_when_no_other_does) {
  Index index;
  index.manifests = {entry("bare", std::nullopt), entry("arm", Platform{"linux", "arm64", "", ""})};
  EXPECT_EQ(select_manifest(index, kAmd64), index.manifests[0]);
  EXPECT_EQ(select_manifest(index, {"linux", "arm64", "", ""}), index.manifests[1]);
}

TEST(ResolveImage, through_an_index) {
  FakeRegistry fake;
  Index index;
  index.manifests = {put_image(fake, "", "arm64"), put_image(fake, "", "amd64")};
  fake.put_manifest("team/app", "latest", kIndexType, to_json(index));
  const auto client = make_registry_client(quick());
  const ResolvedImage image = resolve_image(*client, at(fake.host()), kAmd64);
  EXPECT_EQ(image.manifest_descriptor.digest, index.manifests[1].digest);
  EXPECT_EQ(image.manifest_json, fake.manifest("team/app", image.manifest_descriptor.digest.str()));
  EXPECT_EQ(image.config.env, (std::vector<std::string>{"A=amd64"}));
  EXPECT_EQ(image.config_json, fake.blob("team/app", image.manifest.config.digest));
}

TEST(ResolveImage, FROM_21_no_entry_matches) {
  FakeRegistry fake;
  Index index;
  index.manifests = {put_image(fake, "", "arm64")};
  fake.put_manifest("team/app", "latest", kIndexType, to_json(index));
  const auto client = make_registry_client(quick());
  try {
    resolve_image(*client, at(fake.host()), kAmd64);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::not_found);
    EXPECT_NE(std::string(error.what()).find("no match for platform in manifest"),
              std::string::npos);
  }
}

TEST(ResolveImage, FROM_21_a_single_manifest_is_taken_as_it_is) {
  FakeRegistry fake;
  put_image(fake, "latest", "arm64");
  const auto client = make_registry_client(quick());
  EXPECT_EQ(resolve_image(*client, at(fake.host()), kAmd64).config.platform.architecture, "arm64");
}

TEST(ResolveImage, what_is_no_image_is_refused) {
  FakeRegistry fake;
  put_image(fake, "latest", "amd64", "application/vnd.cncf.helm.config.v1+json");
  const auto client = make_registry_client(quick());
  const auto code = [&] {
    try {
      resolve_image(*client, at(fake.host()), kAmd64);
    } catch (const Error& error) {
      return error.code();
    }
    return Errc::invalid;
  };
  EXPECT_EQ(code(), Errc::unsupported);
  fake.put_manifest("team/app", "latest", "text/plain", "{}");
  EXPECT_EQ(code(), Errc::unsupported);
}

TEST(ResolveImage, a_configuration_with_another_digest_is_corrupt) {
  FakeRegistry::Options options;
  options.tamper = [](const tests::ServerRequest& request, int, tests::ServerResponse& response) {
    if (request.path.find("/blobs/") != std::string::npos) response.body[0] = ' ';
  };
  FakeRegistry fake(options);
  put_image(fake, "latest", "amd64");
  const auto client = make_registry_client(quick());
  try {
    resolve_image(*client, at(fake.host()), kAmd64);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::corrupt);
  }
}

TEST(ResolveImage, an_index_that_never_ends_is_left) {
  FakeRegistry fake;
  Descriptor child = put_image(fake, "", "amd64");
  for (int i = 0; i < 10; ++i) {
    Index index;
    child.annotations = {{"n", cat(i)}};
    index.manifests = {child};
    child = fake.put_manifest("team/app", "latest", kIndexType, to_json(index));
  }
  const auto client = make_registry_client(quick());
  EXPECT_THROW(resolve_image(*client, at(fake.host()), kAmd64), Error);
}

}  // namespace
}  // namespace cooper::oci
