#include "oci/archive_reader.h"

#include "tests/oci/expect_error.h"
#include "tests/oci/load.h"
#include "tests/oci/sample_image.h"

namespace cooper::oci {
namespace {

using tests::archive_of_files;
using tests::expect_error;
using tests::familiar;
using tests::load;
using tests::MemoryBlobs;
using tests::Names;
using tests::sample_layer;

TEST(LoadArchive, docker_layers_by_any_name) {
  const std::string one = sample_layer("one", "1");
  const std::string gzip = "\x1f\x8b pretend";
  const std::string zstd = "\x28\xb5\x2f\xfd pretend";
  ImageConfig config;
  config.platform = {"linux", "amd64", "", ""};
  config.diff_ids = {{sha256(one)}, {sha256("two")}, {sha256("three")}};
  MemoryBlobs blobs;
  const auto images =
      load(archive_of_files({{"manifest.json", R"([{"Config":"sha256:c","RepoTags":null,
                                                    "Layers":["./a.tar","x/b.tar.gz","c"]}])"},
                             {"sha256:c", to_json(config)},
                             {"a.tar", one},
                             {"x/b.tar.gz", gzip},
                             {"c", zstd},
                             {"repositories", "{}"},
                             {"x/VERSION", "1.0"},
                             {"x/json", "{}"}}),
           blobs);
  ASSERT_EQ(images.size(), 1U);
  EXPECT_TRUE(images[0].names.empty());
  const Manifest manifest = parse_manifest(blobs.content(images[0].root.digest), "m");
  EXPECT_EQ(manifest.layers[0].media_type, kLayerTarType);
  EXPECT_EQ(manifest.layers[1].media_type, kLayerGzipType);
  EXPECT_EQ(manifest.layers[1].size_bytes, gzip.size());
  EXPECT_EQ(manifest.layers[2].media_type, kLayerZstdType);
  EXPECT_EQ(blobs.count(), 5U);  // leftovers of the format are not kept
}

TEST(LoadArchive, several_images_of_one_docker_archive) {
  ImageConfig config;
  config.platform = {"linux", "amd64", "", ""};
  const std::string first = to_json(config);
  config.author = "other";
  MemoryBlobs blobs;
  const auto images = load(
      archive_of_files({{"a.json", first},
                        {"b.json", to_json(config)},
                        {"manifest.json", R"([{"Config":"a.json","RepoTags":["a:1"],"Layers":null},
                                                   {"Config":"b.json","RepoTags":["b:1","b:2"],"Layers":[]}])"}}),
      blobs);
  ASSERT_EQ(images.size(), 2U);
  EXPECT_EQ(familiar(images[1].names), (Names{"b:1", "b:2"}));
}

TEST(LoadArchive, hostile_docker_archives_are_refused) {
  const std::string layer = sample_layer("one", "1");
  ImageConfig config;
  config.platform = {"linux", "amd64", "", ""};
  config.diff_ids = {{sha256(layer)}};
  const auto archive = [&](const std::string& manifest) {
    return archive_of_files({{"c.json", to_json(config)},
                             {"l.tar", layer},
                             {"other.tar", "x"},
                             {"manifest.json", manifest}});
  };
  MemoryBlobs fine;
  ASSERT_NO_THROW(load(archive(R"([{"Config":"c.json","Layers":["l.tar"]}])"), fine));
  struct Row {
    std::string manifest;
    std::string phrase;
    Errc code = Errc::corrupt;
  };
  const Row rows[] = {
      {"", "manifest.json: malformed JSON"},
      {"{}", "manifest.json: the document must be an array"},
      {"[7]", "manifest.json: [0] must be an object"},
      {R"([{"Layers":["l.tar"]}])", "lacks the member \"Config\""},
      {R"([{"Config":"absent","Layers":["l.tar"]}])",
       "names absent, which the archive does not hold"},
      {R"([{"Config":"/etc/passwd","Layers":["l.tar"]}])", "names /etc/passwd"},
      {R"([{"Config":"l.tar","Layers":["l.tar"]}])", "l.tar: malformed JSON"},
      {R"([{"Config":"c.json","Layers":["../l"]}])", "names ../l"},
      {R"([{"Config":"c.json","Layers":[]}])", "has 0 layers, but its config has 1"},
      {R"([{"Config":"c.json","Layers":["l.tar","l.tar"]}])", "has 2 layers, but its config has 1"},
      {R"([{"Config":"c.json","Layers":["other.tar"]}])", "layer other.tar is damaged"},
      {R"([{"Config":"c.json","Layers":"l.tar"}])", "manifest.json: [0].Layers must be an array"},
      {R"([{"Config":"c.json","Layers":["l.tar"],"RepoTags":["A B"]}])", "invalid reference"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.manifest);
    MemoryBlobs blobs;
    expect_error(row.code, row.phrase, [&] { load(archive(row.manifest), blobs); });
    EXPECT_EQ(blobs.open_writers(), 0U);
  }
}

// Header blocks of links, which our writer does not make.
std::string link_entry(const std::string& name, char type, const std::string& target) {
  std::string block = archive_of_files({{name, ""}}).substr(0, 512);
  block[156] = type;
  block.replace(157, target.size(), target);
  block.replace(148, 8, "        ");
  unsigned sum = 0;
  for (const char byte : block) sum += static_cast<unsigned char>(byte);
  char text[8];
  std::snprintf(text, sizeof text, "%06o", sum);
  return block.replace(148, 7, text, 7);
}

TEST(LoadArchive, links_are_followed_inside_the_archive_only) {
  const std::string layer = sample_layer("one", "1");
  ImageConfig config;
  config.platform = {"linux", "amd64", "", ""};
  config.diff_ids = {{sha256(layer)}};
  struct Row {
    std::string links;
    bool found;
  };
  const Row rows[] = {
      {link_entry("x/layer.tar", '2', "../l.tar"), true},
      {link_entry("x/layer.tar", '2', "../../../../l.tar"), true},  // the archive is its own root
      {link_entry("x/layer.tar", '2', "/l.tar"), true},
      {link_entry("x/layer.tar", '1', "l.tar"), true},
      {link_entry("x/layer.tar", '2', "b") + link_entry("x/b", '2', "../l.tar"), true},
      {link_entry("x/layer.tar", '2', "layer.tar"), false},
      {link_entry("x/layer.tar", '2', "b") + link_entry("x/b", '2', "layer.tar"), false},
      {link_entry("x/layer.tar", '2', "/etc/passwd"), false},
  };
  for (const Row& row : rows) {
    MemoryBlobs blobs;
    const std::string archive =
        row.links +
        archive_of_files({{"c.json", to_json(config)},
                          {"l.tar", layer},
                          {"manifest.json", R"([{"Config":"c.json","Layers":["x/layer.tar"]}])"}});
    if (row.found) {
      EXPECT_EQ(load(archive, blobs).size(), 1U);
    } else {
      expect_error(Errc::corrupt, "names x/layer.tar", [&] { load(archive, blobs); });
    }
  }
}

}  // namespace
}  // namespace cooper::oci
