#include "oci/archive_reader.h"

#include "tests/oci/expect_error.h"
#include "tests/oci/golden.h"
#include "tests/oci/load.h"
#include "tests/oci/sample_image.h"

namespace cooper::oci {
namespace {

using tests::archive_of_files;
using tests::expect_error;
using tests::familiar;
using tests::Files;
using tests::load;
using tests::MemoryBlobs;
using tests::Names;
using tests::put_sample_image;
using tests::put_sample_index;
using tests::read_testdata;

std::string archive_of(BlobReader& blobs, const Descriptor& root, const Names& names,
                       bool docker_format) {
  ExportImage image{root, {}, std::nullopt};
  for (const std::string& name : names) image.names.push_back(parse_reference(name));
  StringSink out;
  write_archive(blobs, {image}, docker_format, out);
  return out.text;
}

TEST(LoadArchive, archives_of_other_programs) {
  struct Row {
    std::string file;
    std::string digest;
    Names names;
    std::string_view layer_type;
  };
  const Row rows[] = {
      {"docker-20.10-save.tar",
       "46686159b789a781f1d413f3bf20564e5ae9228ed02af6ebb3948670bd87c43c",
       {"sample:v1", "r.io/b/sample:v2"},
       kLayerTarType},
      {"skopeo-docker-archive.tar",
       "46686159b789a781f1d413f3bf20564e5ae9228ed02af6ebb3948670bd87c43c",
       {"sample:v1"},
       kLayerTarType},
      {"skopeo-oci-archive.tar",
       "246f4c7be18f721a905e989618dfe18ca12743776f41cc70a320fe994e663bfe",
       {"sample:v1"},
       kLayerGzipType},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.file);
    MemoryBlobs blobs;
    const auto images = load(read_testdata("archive/" + row.file), blobs);
    ASSERT_EQ(images.size(), 1U);
    EXPECT_EQ(images[0].root.digest.hex(), row.digest);
    EXPECT_EQ(familiar(images[0].names), row.names);
    EXPECT_EQ(reachable_blobs(blobs, images[0].root).size(), 4U);
    const Manifest manifest = parse_manifest(blobs.content(images[0].root.digest), "m");
    ASSERT_EQ(manifest.layers.size(), 2U);
    EXPECT_EQ(manifest.layers[0].media_type, row.layer_type);
    EXPECT_EQ(manifest.config.digest.hex(),
              "2e81aa99e705d11b82d17987edb1d1ab5eb0d566aa7104565f4f22f47408353c");
  }
}

TEST(LoadArchive, OUT_13_our_own_archives_come_back_unchanged) {
  MemoryBlobs from;
  const Descriptor image = put_sample_image(from).root;
  const Descriptor index = put_sample_index(from);
  struct Row {
    Descriptor root;
    bool docker_format;
    Names names;
  };
  const Row rows[] = {{image, false, {"a:v1", "r.io/b:v2"}},
                      {image, true, {"a:v1", "r.io/b:v2"}},
                      {image, true, {}},
                      {index, false, {"a:v1"}}};
  for (const Row& row : rows) {
    MemoryBlobs into;
    const auto images = load(archive_of(from, row.root, row.names, row.docker_format), into);
    ASSERT_EQ(images.size(), 1U);
    EXPECT_EQ(images[0].root, row.root);
    EXPECT_EQ(familiar(images[0].names), row.names);
    EXPECT_EQ(reachable_blobs(into, row.root).size(), into.count());
  }
}

// kaniko and old buildah name things as they like; layers may be compressed, or shared by links.
const std::string kLayoutFile = R"({"imageLayoutVersion":"1.0.0"})";

std::string index_json(const std::vector<Descriptor>& entries) {
  Index index;
  index.manifests = entries;
  return to_json(index);
}

// The archive of all blobs, with a chosen index.json.
Files layout_files(MemoryBlobs& blobs, const std::vector<Descriptor>& roots,
                   const std::string& index) {
  Files files = {{"oci-layout", kLayoutFile}, {"index.json", index}};
  for (const Descriptor& root : roots) {
    for (const Descriptor& blob : reachable_blobs(blobs, root)) {
      files.emplace_back("blobs/sha256/" + blob.digest.hex(), blobs.content(blob.digest));
    }
  }
  return files;
}

TEST(LoadArchive, names_come_from_annotations) {
  MemoryBlobs from;
  const Descriptor root = put_sample_image(from).root;
  const auto named = [&](const std::string& key, const std::string& value) {
    Descriptor entry = root;
    entry.annotations = {{key, value}};
    return entry;
  };
  const std::string image_key = "io.containerd.image.name";
  const std::string ref_key = "org.opencontainers.image.ref.name";
  const std::string index =
      index_json({named(image_key, "docker.io/library/a:1"), named(ref_key, "latest"),
                  named(ref_key, "r.io/b:2"), named(ref_key, "Some Text: free"),
                  named(image_key, "docker.io/library/a:1"), root});
  MemoryBlobs blobs;
  const auto images = load(archive_of_files(layout_files(from, {root}, index)), blobs);
  ASSERT_EQ(images.size(), 1U);
  EXPECT_EQ(familiar(images[0].names), (Names{"a:1", "r.io/b:2"}));
  EXPECT_TRUE(images[0].root.annotations.empty());
}

// An engine saves the platforms it has of an image it pulled.
TEST(LoadArchive, an_index_needs_one_whole_platform) {
  MemoryBlobs from;
  const Descriptor root = put_sample_index(from);
  const Index index = parse_index(from.content(root.digest), "i");
  Files files = {{"oci-layout", kLayoutFile},
                 {"index.json", index_json({root})},
                 {"blobs/sha256/" + root.digest.hex(), from.content(root.digest)}};
  MemoryBlobs none;
  expect_error(Errc::corrupt, "the archive is incomplete",
               [&] { load(archive_of_files(files), none); });
  for (const Descriptor& blob : reachable_blobs(from, index.manifests[1])) {
    files.emplace_back("blobs/sha256/" + blob.digest.hex(), from.content(blob.digest));
  }
  MemoryBlobs some;
  EXPECT_EQ(load(archive_of_files(files), some).at(0).root.digest, root.digest);
}

TEST(LoadArchive, blobs_the_store_has_are_checked_but_not_written) {
  MemoryBlobs blobs;
  const Descriptor root = put_sample_image(blobs).root;
  std::string archive = archive_of(blobs, root, {}, false);
  blobs.fail_at_write(1);
  EXPECT_NO_THROW(load(archive, blobs));
  const std::size_t at = archive.find("content of one");
  ASSERT_NE(at, std::string::npos);
  archive[at] = 'C';
  expect_error(Errc::corrupt, "expected blob", [&] { load(archive, blobs); });
}

TEST(LoadArchive, damaged_blobs_never_enter) {
  MemoryBlobs from;
  const auto image = put_sample_image(from);
  std::string archive = archive_of(from, image.root, {}, false);
  archive[archive.find("content of one")] = 'C';
  MemoryBlobs blobs;
  expect_error(Errc::corrupt, image.manifest.layers[0].digest.str(), [&] { load(archive, blobs); });
  EXPECT_FALSE(blobs.has(image.manifest.layers[0].digest));
  EXPECT_EQ(blobs.open_writers(), 0U);
}

TEST(LoadArchive, truncation_anywhere_is_refused) {
  MemoryBlobs from;
  const Descriptor root = put_sample_image(from).root;
  for (const std::string& archive :
       {archive_of(from, root, {"a"}, true), read_testdata("archive/docker-20.10-save.tar")}) {
    // Every offset near a block's edge; what lies between differs in nothing.
    const std::size_t end = archive.find_last_not_of('\0') / 512 * 512 + 512 + 1024;
    for (std::size_t size = 0; size < end; size += size % 512 == 2 ? 508 : 1) {
      MemoryBlobs blobs;
      expect_error(Errc::corrupt, "ends too early", [&] { load(archive.substr(0, size), blobs); });
      EXPECT_EQ(blobs.open_writers(), 0U);
    }
  }
}

TEST(LoadArchive, a_store_that_refuses_any_write_leaves_no_writer_open) {
  MemoryBlobs from;
  const std::string archive = read_testdata("archive/docker-20.10-save.tar");
  for (std::size_t write = 1;; ++write) {
    MemoryBlobs blobs;
    blobs.fail_at_write(write);
    try {
      load(archive, blobs);
      EXPECT_GT(write, 3U);
      break;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::io);
    }
    EXPECT_EQ(blobs.open_writers(), 0U);
  }
}

TEST(LoadArchive, hostile_layouts_are_refused) {
  MemoryBlobs from;
  const Descriptor root = put_sample_image(from).root;
  const std::string index = index_json({root});
  const Files good = layout_files(from, {root}, index);
  const auto with = [&](const std::string& name, const std::string& content) {
    Files files = good;
    for (auto& file : files) {
      if (file.first == name) file.second = content;
    }
    return archive_of_files(files);
  };
  const auto plus = [&](const std::string& name, const std::string& content) {
    Files files = good;
    files.emplace_back(name, content);
    return archive_of_files(files);
  };
  Descriptor misnamed = root;
  misnamed.annotations["io.containerd.image.name"] = "Not A Name";
  Descriptor missing = root;
  missing.digest.value.bytes[0] ^= 1;
  Descriptor longer = root;
  longer.size_bytes += 1;
  struct Row {
    std::string archive;
    std::string phrase;
    Errc code = Errc::corrupt;
  };
  const Row rows[] = {
      {archive_of_files({}), "not an image archive", Errc::invalid},
      {archive_of_files({{"etc/passwd", "x"}}), "not an image archive", Errc::invalid},
      {archive_of_files({{"index.json", index}}), "not an image archive", Errc::invalid},
      {archive_of_files({{"../oci-layout", kLayoutFile}, {"../index.json", index}}),
       "not an image archive", Errc::invalid},
      {with("oci-layout", "{}"), "imageLayoutVersion"},
      {with("oci-layout", R"({"imageLayoutVersion":"9.0.0"})"), "9.0.0", Errc::unsupported},
      {with("oci-layout", std::string(5000, ' ')), "larger than", Errc::invalid},
      {with("index.json", "[]"), "index.json: the document must be an object"},
      {with("index.json", std::string((4 << 20) + 1, ' ')), "index.json is larger than",
       Errc::invalid},
      {with("index.json", index_json({misnamed})), "invalid reference format"},
      {with("index.json", index_json({missing})),
       "the archive is incomplete: blob " + missing.digest.str()},
      {with("index.json", index_json({longer})), root.digest.str()},
      {plus("index.json", index), "index.json twice"},
      {plus("./index.json", index), "index.json twice"},
      {plus("blobs/sha256/short", "x"), "blobs/sha256: invalid sha256 digest \"short\""},
      {plus("blobs/sha256/" + std::string(64, 'A'), "x"), "lower-case"},
      {plus("blobs/sha256/" + std::string(64, 'a'), "x"), "expected"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.phrase);
    MemoryBlobs blobs;
    expect_error(row.code, row.phrase, [&] { load(row.archive, blobs); });
    EXPECT_EQ(blobs.open_writers(), 0U);
  }
  MemoryBlobs blobs;
  EXPECT_NO_THROW(load(plus("blobs/sha512/whatever", "x"), blobs));
  EXPECT_NO_THROW(load(plus("../../../etc/passwd", "x"), blobs));
}

TEST(LoadArchive, compressed_archives_are_refused_in_clear_words) {
  MemoryBlobs blobs;
  expect_error(Errc::invalid, "compressed with gzip; decompress it first",
               [&] { load("\x1f\x8b\x08" + std::string(1000, 'x'), blobs); });
}

// One damaged byte anywhere: an Error, or an archive that still says the same.
TEST(LoadArchive, damaged_bytes_never_do_worse_than_an_error) {
  const std::string whole = read_testdata("archive/skopeo-oci-archive.tar");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    if (whole[at] == '\0' && at % 7 != 0) continue;
    std::string archive = whole;
    archive[at] = static_cast<char>(archive[at] ^ (1 << at % 8));
    MemoryBlobs blobs;
    try {
      load(archive, blobs);
    } catch (const Error&) {
    }
    EXPECT_EQ(blobs.open_writers(), 0U);
  }
}

}  // namespace
}  // namespace cooper::oci
