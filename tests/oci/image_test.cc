#include "oci/image.h"

#include "tests/oci/expect_error.h"
#include "tests/oci/golden.h"

namespace cooper::oci {
namespace {

using tests::expect_error;
using tests::expect_golden;

Descriptor describe(std::string_view type, std::string_view content) {
  Descriptor descriptor;
  descriptor.media_type = type;
  descriptor.digest = BlobDigest{sha256(content)};
  descriptor.size_bytes = content.size();
  return descriptor;
}

Manifest full_manifest() {
  Manifest manifest;
  manifest.config = describe(kConfigType, "config");
  manifest.layers = {describe(kLayerGzipType, "one"), describe(kLayerZstdType, "two")};
  manifest.layers[0].annotations = {{"b", "2"}, {"a", "1 <&> \" \\ \n"}};
  manifest.layers[1].urls = {"https://example.com/two"};
  manifest.annotations = {{"org.opencontainers.image.title", "grün"}};
  manifest.artifact_type = "application/vnd.example";
  manifest.subject = describe(kManifestType, "subject");
  return manifest;
}

Index full_index() {
  Index index;
  index.manifests = {describe(kManifestType, "amd64"), describe(kManifestType, "arm"),
                     describe(kManifestType, "proof")};
  index.manifests[0].platform = Platform{"linux", "amd64", "", ""};
  index.manifests[1].platform = Platform{"linux", "arm", "v7", "6.1"};
  index.manifests[2].platform = Platform{"unknown", "unknown", "", ""};
  index.manifests[2].artifact_type = "application/vnd.in-toto+json";
  index.annotations = {{"k", "v"}};
  return index;
}

TEST(Manifest, golden_and_round_trip) {
  const std::string json = to_json(full_manifest());
  EXPECT_EQ(parse_manifest(json, "manifest"), full_manifest());
  expect_golden("manifest/full.json", json);
}

TEST(Manifest, IMG_08_docker_spelling_is_kept) {
  Manifest manifest;
  manifest.media_type = kDockerManifestType;
  manifest.config = describe(kDockerConfigType, "config");
  EXPECT_EQ(parse_manifest(to_json(manifest), "manifest"), manifest);
}

TEST(Index, golden_and_round_trip) {
  const std::string json = to_json(full_index());
  EXPECT_EQ(parse_index(json, "index"), full_index());
  expect_golden("manifest/index.json", json);
}

TEST(Index, empty_is_an_empty_array) {
  EXPECT_EQ(
      to_json(Index{}),
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]})");
}

const std::string kSomeDescriptor =
    R"({"mediaType":"t","size":1,"digest":"sha256:)" + std::string(64, '0') + R"("})";

std::string replace(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Manifest, tolerates_what_real_manifests_hold) {
  const std::string bare = R"({"schemaVersion":2,"config":)" + kSomeDescriptor + ",";
  EXPECT_EQ(parse_manifest(bare + R"("layers":[]})", "m").media_type, kManifestType);
  EXPECT_TRUE(parse_manifest(bare + R"("layers":null})", "m").layers.empty());
  EXPECT_TRUE(
      parse_manifest(bare + R"("annotations":null,"unknown":{"x":[1]}})", "m").annotations.empty());
  EXPECT_EQ(
      parse_manifest(" \n" + bare + "\"layers\":[" + kSomeDescriptor + "]}\n", "m").layers.size(),
      1U);
}

TEST(Manifest, hostile_documents_are_refused) {
  const std::string good = R"({"schemaVersion":2,"mediaType":")" + std::string(kManifestType) +
                           R"(","config":)" + kSomeDescriptor + R"(,"layers":[)" + kSomeDescriptor +
                           "]}";
  ASSERT_NO_THROW(parse_manifest(good, "m"));
  struct Row {
    std::string from, to, phrase;
    Errc code = Errc::corrupt;
  };
  const Row rows[] = {
      {good, "[]", "m: the document must be an object"},
      {good, "", "m: malformed JSON"},
      {"\"schemaVersion\":2", "\"schemaVersion\":1", "schema 1", Errc::unsupported},
      {"\"schemaVersion\":2", "\"schemaVersion\":3", "m: schemaVersion must be 2"},
      {"\"schemaVersion\":2", "\"schemaVersion\":\"2\"", "m: schemaVersion must be a whole number"},
      {"\"schemaVersion\":2,", "", "lacks the member \"schemaVersion\""},
      {"\"config\":", "\"konfig\":", "lacks the member \"config\""},
      {"image.manifest.v1", "image.index.v1", "m: mediaType must be that of a manifest"},
      {"\"layers\":", "\"manifests\":[],\"layers\":", "must not have the member \"manifests\""},
      {"\"layers\":[", "\"layers\":{},\"x\":[", "m: layers must be an array"},
      {"\"layers\":[", "\"layers\":[7,", "m: layers[0] must be an object"},
      {"\"layers\":[{\"mediaType\":\"t\"", "\"layers\":[{\"mediaType\":7",
       "m: layers[0].mediaType must be"},
      {"\"size\":1", "\"size\":-1", "m: config.size must not be negative"},
      {"\"size\":1", "\"size\":1.5", "m: config.size must be a whole number"},
      {"\"size\":1", "\"size\":1e3", "m: config.size must be a whole number"},
      {"\"size\":1", "\"size\":18446744073709551615", "m: config.size is too large"},
      {"\"size\":1,", "", "m: config lacks the member \"size\""},
      {"\"size\":1", "\"size\":null", "m: config lacks the member \"size\""},
      {"sha256:0", "sha256:", "m: config.digest is damaged"},
      {"sha256:00", "sha256:0G", "m: config.digest is damaged"},
      {"sha256:0", "sha512:0", "sha512", Errc::unsupported},
      {"\"size\":1", "\"size\":1,\"annotations\":{\"a\":1}",
       "m: config.annotations.a must be a string"},
      {"\"size\":1", "\"size\":1,\"annotations\":[]", "m: config.annotations must be an object"},
      {"\"size\":1", "\"size\":1,\"urls\":\"x\"", "m: config.urls must be an array"},
      {"\"size\":1", "\"size\":1,\"platform\":{\"os\":\"x\"}",
       "m: config.platform lacks the member"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.to);
    expect_error(row.code, row.phrase,
                 [&] { parse_manifest(replace(good, row.from, row.to), "m"); });
  }
}

TEST(Manifest, truncation_anywhere_is_refused) {
  const std::string manifest = to_json(full_manifest());
  for (std::size_t size = 0; size < manifest.size(); ++size) {
    expect_error(Errc::corrupt, "m: ", [&] { parse_manifest(manifest.substr(0, size), "m"); });
  }
}

TEST(Index, hostile_documents_are_refused) {
  const std::string good = to_json(full_index());
  struct Row {
    std::string from, to, phrase;
    Errc code = Errc::corrupt;
  };
  const Row rows[] = {
      {"image.index.v1", "image.manifest.v1", "i: mediaType must be that of an index"},
      {"\"manifests\":", "\"layers\":[],\"manifests\":", "must not have the member \"layers\""},
      {"\"manifests\":", "\"config\":{},\"manifests\":", "must not have the member \"config\""},
      {"\"manifests\":[", "\"manifests\":[null,", "i: manifests[0] must be an object"},
      {"\"architecture\":\"amd64\"", "\"architecture\":1",
       "i: manifests[0].platform.architecture must be"},
      {"\"schemaVersion\":2", "\"schemaVersion\":1", "schema 1", Errc::unsupported},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.to);
    expect_error(row.code, row.phrase, [&] { parse_index(replace(good, row.from, row.to), "i"); });
  }
}

TEST(Manifest, bytes_that_are_no_utf_8_print_as_replacement) {
  Manifest manifest = full_manifest();
  manifest.annotations = {{"k", "a\xff"}};
  EXPECT_EQ(parse_manifest(to_json(manifest), "m").annotations.at("k"), "a\xef\xbf\xbd");
}

TEST(Descriptor, types_in_both_spellings) {
  EXPECT_TRUE(is_manifest_type(kManifestType));
  EXPECT_TRUE(is_manifest_type(kDockerManifestType));
  EXPECT_TRUE(is_index_type(kIndexType));
  EXPECT_TRUE(is_index_type(kDockerListType));
  EXPECT_FALSE(is_manifest_type(kIndexType));
  EXPECT_FALSE(is_index_type(kConfigType));
}

}  // namespace
}  // namespace cooper::oci
