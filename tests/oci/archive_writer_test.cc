#include <algorithm>
#include <set>

#include "tests/oci/expect_error.h"
#include "tests/oci/sample_image.h"

namespace cooper::oci {
namespace {

using tests::expect_error;
using tests::MemoryBlobs;
using tests::put_sample_image;
using tests::put_sample_index;

struct Member {
  std::string name;
  std::string content;
};

std::vector<Member> members(std::string archive) {
  MemorySource source(std::move(archive));
  ArchiveTarReader tar(source);
  std::vector<Member> result;
  while (const auto entry = tar.next()) {
    result.push_back({entry->name, read_all(tar, 1 << 20, "a member")});
  }
  return result;
}

std::vector<std::string> names(const std::vector<Member>& all) {
  std::vector<std::string> result;
  for (const Member& member : all) result.push_back(member.name);
  return result;
}

std::string content(const std::vector<Member>& all, const std::string& name) {
  for (const Member& member : all) {
    if (member.name == name) return member.content;
  }
  ADD_FAILURE() << "no member " << name;
  return {};
}

std::string archive_of(BlobReader& blobs, const ExportImage& image, bool docker_format) {
  StringSink out;
  write_archive(blobs, {image}, docker_format, out);
  return out.text;
}

ExportImage named(const Descriptor& root, const std::vector<std::string>& texts) {
  ExportImage image{root, {}, "2024-01-02T03:04:05Z"};
  for (const std::string& text : texts) image.names.push_back(parse_reference(text));
  return image;
}

TEST(ReachableBlobs, children_come_before_parents_and_once) {
  MemoryBlobs blobs;
  const Descriptor root = put_sample_index(blobs);
  const auto found = reachable_blobs(blobs, root);
  EXPECT_EQ(found.size(), blobs.count());
  EXPECT_EQ(found.back(), root);
  std::set<BlobDigest> seen;
  for (const Descriptor& descriptor : found) {
    EXPECT_TRUE(seen.insert(descriptor.digest).second);
    if (!is_manifest_type(descriptor.media_type)) continue;
    const Manifest manifest = parse_manifest(blobs.content(descriptor.digest), "m");
    EXPECT_TRUE(seen.contains(manifest.config.digest));
    for (const Descriptor& layer : manifest.layers) EXPECT_TRUE(seen.contains(layer.digest));
    EXPECT_EQ(found[static_cast<std::size_t>(&descriptor - found.data()) - 1], manifest.config);
  }
}

TEST(ReachableBlobs, every_gap_is_named) {
  MemoryBlobs whole;
  const Descriptor root = put_sample_index(whole);
  for (const Descriptor& missing : reachable_blobs(whole, root)) {
    MemoryBlobs blobs;
    put_sample_index(blobs);
    blobs.remove(missing.digest);
    expect_error(Errc::not_found, missing.digest.str(), [&] { reachable_blobs(blobs, root); });
  }
}

TEST(ReachableBlobs, layers_fetched_from_elsewhere_may_be_missing) {
  MemoryBlobs blobs;
  auto image = put_sample_image(blobs);
  blobs.remove(image.manifest.layers[0].digest);
  image.manifest.layers[0].urls = {"https://example.com/layer"};
  const Descriptor root = write_blob(blobs, kManifestType, to_json(image.manifest));
  EXPECT_EQ(reachable_blobs(blobs, root).size(), 3U);
}

TEST(ReachableBlobs, damage_and_bombs_are_refused) {
  MemoryBlobs blobs;
  const auto image = put_sample_image(blobs);
  blobs.damage(image.root.digest, "{}");
  expect_error(Errc::corrupt, image.root.digest.str(), [&] { reachable_blobs(blobs, image.root); });
  const Descriptor huge = write_blob(blobs, kManifestType, std::string((4 << 20) + 1, ' '));
  expect_error(Errc::invalid, "more than", [&] { reachable_blobs(blobs, huge); });
  Descriptor nest = put_sample_image(blobs, "x").root;
  for (int depth = 0; depth < 9; ++depth) {
    Index index;
    index.manifests = {nest};
    nest = write_blob(blobs, kIndexType, to_json(index));
  }
  expect_error(Errc::invalid, "nested deeper", [&] { reachable_blobs(blobs, nest); });
}

TEST(Archive, OUT_13_what_is_written_before_the_rest_is_known_changes_nothing) {
  MemoryBlobs blobs;
  const auto image = put_sample_image(blobs);
  const ExportImage what = named(image.root, {"a:v1"});
  for (std::size_t early = 0; early <= image.manifest.layers.size(); ++early) {
    StringSink out;
    ArchiveWriter writer(out);
    for (std::size_t i = 0; i < early; ++i) writer.begin_with(blobs, image.manifest.layers[i]);
    if (early > 0) writer.begin_with(blobs, image.manifest.layers[0]);  // it is there already
    ASSERT_TRUE(writer.finish(blobs, {what}, true));
    EXPECT_EQ(out.text, archive_of(blobs, what, true)) << early;
  }
  StringSink out;
  ArchiveWriter other(out);
  other.begin_with(blobs, image.manifest.layers[1]);
  EXPECT_FALSE(other.finish(blobs, {what}, true));
}

TEST(Archive, OUT_13_members_in_order) {
  MemoryBlobs blobs;
  const auto image = put_sample_image(blobs);
  const auto all = members(archive_of(blobs, named(image.root, {"a:v1"}), false));
  std::vector<std::string> expected = {"blobs/", "blobs/sha256/"};
  for (const Descriptor& blob : reachable_blobs(blobs, image.root)) {
    expected.push_back("blobs/sha256/" + blob.digest.hex());
  }
  expected.insert(expected.end(), {"index.json", "oci-layout"});
  EXPECT_EQ(names(all), expected);
  EXPECT_EQ(content(all, "oci-layout"), R"({"imageLayoutVersion":"1.0.0"})");
  EXPECT_EQ(content(all, "blobs/sha256/" + image.root.digest.hex()), to_json(image.manifest));
}

TEST(Archive, OUT_13_one_index_entry_per_name) {
  MemoryBlobs blobs;
  const auto image = put_sample_image(blobs);
  const auto all = members(archive_of(blobs, named(image.root, {"a:v1", "r.io/b"}), false));
  const Index index = parse_index(content(all, "index.json"), "index.json");
  ASSERT_EQ(index.manifests.size(), 2U);
  EXPECT_EQ(index.manifests[0].digest, image.root.digest);
  EXPECT_EQ(index.manifests[0].annotations,
            (Annotations{{"io.containerd.image.name", "docker.io/library/a:v1"},
                         {"org.opencontainers.image.created", "2024-01-02T03:04:05Z"},
                         {"org.opencontainers.image.ref.name", "v1"}}));
  EXPECT_EQ(index.manifests[1].annotations.at("io.containerd.image.name"), "r.io/b:latest");
  EXPECT_EQ(index.manifests[1].annotations.at("org.opencontainers.image.ref.name"), "latest");
}

TEST(Archive, OUT_13_unnamed_archive_has_one_entry_without_name) {
  MemoryBlobs blobs;
  const auto image = put_sample_image(blobs);
  const auto all = members(archive_of(blobs, {image.root, {}, std::nullopt}, false));
  const Index index = parse_index(content(all, "index.json"), "index.json");
  ASSERT_EQ(index.manifests.size(), 1U);
  EXPECT_TRUE(index.manifests[0].annotations.empty());
}

TEST(Archive, OUT_14_docker_format_adds_manifest_json) {
  MemoryBlobs blobs;
  const auto image = put_sample_image(blobs);
  const auto all = members(archive_of(blobs, named(image.root, {"a", "r.io/b:v2"}), true));
  const auto blob = [](const Descriptor& descriptor) {
    return "\"blobs/sha256/" + descriptor.digest.hex() + "\"";
  };
  EXPECT_EQ(content(all, "manifest.json"),
            "[{\"Config\":" + blob(image.manifest.config) +
                ",\"RepoTags\":[\"a:latest\",\"r.io/b:v2\"],\"Layers\":[" +
                blob(image.manifest.layers[0]) + "," + blob(image.manifest.layers[1]) + "]}]");
  EXPECT_EQ(names(all)[names(all).size() - 2], "manifest.json");
}

TEST(Archive, several_images_share_their_blobs) {
  MemoryBlobs blobs;
  const auto one = put_sample_image(blobs);
  ImageConfig config = one.config;
  config.cmd = std::vector<std::string>{"/other"};
  Manifest manifest = one.manifest;
  manifest.config = write_blob(blobs, kConfigType, to_json(config));
  const Descriptor other = write_blob(blobs, kManifestType, to_json(manifest));
  StringSink out;
  write_archive(blobs, {named(one.root, {"a"}), named(other, {"b"})}, true, out);
  const auto all = members(out.text);
  EXPECT_EQ(parse_index(content(all, "index.json"), "index.json").manifests.size(), 2U);
  EXPECT_EQ(all.size(),
            2U + 6U + 3U);  // folders; two layers, two configs, two manifests; documents
  StringSink one_out;
  write_archive(blobs, {named(one.root, {"a"})}, true, one_out);
  const std::string first = content(members(one_out.text), "manifest.json");
  const std::string both = content(all, "manifest.json");
  EXPECT_TRUE(both.starts_with(first.substr(0, first.size() - 1) + ",")) << both;
  EXPECT_NE(both.find("\"RepoTags\":[\"b:latest\"]"), std::string::npos) << both;
}

TEST(Archive, OUT_14_docker_format_refuses_several_platforms) {
  MemoryBlobs blobs;
  const Descriptor root = put_sample_index(blobs);
  StringSink out;
  expect_error(Errc::unsupported,
               "docker exporter does not currently support exporting manifest lists", [&] {
                 write_archive(blobs, {{root, {}, std::nullopt}}, true, out);
               });
  EXPECT_TRUE(out.text.empty());
}

TEST(Archive, OUT_19_an_image_without_layers) {
  MemoryBlobs blobs;
  ImageConfig config;
  config.platform = {"linux", "amd64", "", ""};
  Manifest manifest;
  manifest.config = write_blob(blobs, kConfigType, to_json(config));
  const Descriptor root = write_blob(blobs, kManifestType, to_json(manifest));
  EXPECT_EQ(members(archive_of(blobs, {root, {}, std::nullopt}, true)).size(), 7U);
}

// A layer named twice is one member.
TEST(Archive, equal_layers_are_stored_once) {
  MemoryBlobs blobs;
  auto image = put_sample_image(blobs);
  image.manifest.layers.push_back(image.manifest.layers[0]);
  const Descriptor root = write_blob(blobs, kManifestType, to_json(image.manifest));
  EXPECT_EQ(members(archive_of(blobs, {root, {}, std::nullopt}, false)).size(), 2U + 4U + 2U);
}

TEST(Archive, golden_digest) {
  MemoryBlobs blobs;
  const auto image = put_sample_image(blobs);
  const auto digest = [&](const Descriptor& root, bool docker_format) {
    return sha256(archive_of(blobs, named(root, {"a:v1"}), docker_format)).hex();
  };
  EXPECT_EQ(digest(image.root, false),
            "c6e2ee220d9c3a81c1244d255ce23b5ef4b8d662c9c1fddf49f6014cb3b3176a");
  EXPECT_EQ(digest(image.root, true),
            "5441cc8542331c2cbfe860e833c654d589cf9ef55b51395429a3e3a73509b0e1");
  EXPECT_EQ(digest(put_sample_index(blobs), false),
            "2284c95f6f798ff65a278470b8114cde278faa509fa1e9682154979217aed5a8");
}

TEST(Archive, damaged_blobs_are_not_exported) {
  MemoryBlobs blobs;
  const auto image = put_sample_image(blobs);
  const Descriptor& layer = image.manifest.layers[0];
  blobs.damage(layer.digest, std::string(layer.size_bytes, 'x'));
  expect_error(Errc::corrupt, layer.digest.str(), [&] {
    archive_of(blobs, {image.root, {}, std::nullopt}, false);
  });
  blobs.damage(layer.digest, "short");
  expect_error(Errc::corrupt, layer.digest.str(), [&] {
    archive_of(blobs, {image.root, {}, std::nullopt}, false);
  });
}

}  // namespace
}  // namespace cooper::oci
