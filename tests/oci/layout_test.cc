#include "oci/layout.h"

#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "base/temp_dir.h"
#include "tests/oci/expect_error.h"
#include "tests/oci/sample_image.h"

namespace cooper::oci {
namespace {

namespace fs = std::filesystem;
using tests::expect_error;
using tests::MemoryBlobs;
using tests::put_sample_image;

// With openat2 and without.
class Layout : public testing::TestWithParam<bool> {
 protected:
  ~Layout() override { set_openat2_allowed(before_); }
  fs::path path(const std::string& name = "layout") const {
    return fs::path(temp_.host_path()) / name;
  }
  void write_file(const fs::path& file, const std::string& content) {
    fs::create_directories(file.parent_path());
    std::ofstream(file) << content;
  }
  std::vector<std::string> names(const fs::path& directory) {
    std::vector<std::string> result;
    for (const auto& entry : fs::directory_iterator(directory))
      result.push_back(entry.path().filename());
    std::sort(result.begin(), result.end());
    return result;
  }

 private:
  bool before_ = set_openat2_allowed(GetParam());
  TempDir temp_ = TempDir::in_host_tmp("layout-test-");
};

INSTANTIATE_TEST_SUITE_P(, Layout, testing::Bool(), [](const auto& row) {
  return row.param ? std::string("openat2") : std::string("walk");
});

using Names = std::vector<std::string>;

TEST_P(Layout, create_makes_an_empty_layout_and_opens_it_again) {
  LayoutDir::create(path("a/b"));
  EXPECT_EQ(names(path("a/b")), (Names{"blobs", "index.json", "oci-layout"}));
  EXPECT_TRUE(LayoutDir::open(path("a/b")).index().manifests.empty());
  LayoutDir layout = LayoutDir::create(path("a/b"));
  layout.add_to_index({write_blob(layout, kManifestType, "x")});
  EXPECT_EQ(LayoutDir::create(path("a/b")).index().manifests.size(), 1U);
}

TEST_P(Layout, open_refuses_what_is_no_layout) {
  expect_error(Errc::not_found, path().string(), [&] { LayoutDir::open(path()); });
  fs::create_directory(path());
  expect_error(Errc::corrupt, "no oci-layout", [&] { LayoutDir::open(path()); });
  write_file(path() / "oci-layout", "{}");
  expect_error(Errc::corrupt, "imageLayoutVersion", [&] { LayoutDir::open(path()); });
  write_file(path() / "oci-layout", R"({"imageLayoutVersion":"2.0.0"})");
  expect_error(Errc::unsupported, "2.0.0", [&] { LayoutDir::open(path()); });
  write_file(path() / "oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  expect_error(Errc::not_found, "index.json", [&] { LayoutDir::open(path()).index(); });
  write_file(path() / "index.json", "[]");
  expect_error(Errc::corrupt, "index.json: the document must be an object",
               [&] { LayoutDir::open(path()).index(); });
}

TEST_P(Layout, blobs_appear_complete_or_not_at_all) {
  LayoutDir layout = LayoutDir::create(path());
  const BlobDigest digest{sha256("content")};
  {
    const auto dropped = layout.new_blob();
    dropped->write(as_bytes("content"));
    EXPECT_FALSE(layout.has(digest));
  }
  EXPECT_EQ(names(path()), (Names{"blobs", "index.json", "oci-layout"}));
  const auto wrong = layout.new_blob();
  wrong->write(as_bytes("contant"));
  expect_error(Errc::corrupt, digest.str(), [&] { wrong->commit(digest); });
  EXPECT_TRUE(fs::is_empty(path() / "blobs/sha256"));
  const auto writer = layout.new_blob();
  writer->write(as_bytes("content"));
  EXPECT_EQ(writer->commit(digest), std::pair(digest, std::uint64_t{7}));
  EXPECT_TRUE(layout.has(digest));
  EXPECT_EQ(names(path() / "blobs/sha256"), Names{digest.hex()});
  EXPECT_EQ(read_all(*layout.open_blob(digest), 100, "x"), "content");
  write_blob(layout, kConfigType, "content");  // once more
  EXPECT_EQ(names(path() / "blobs/sha256"), Names{digest.hex()});
}

TEST_P(Layout, a_missing_blob_is_named) {
  LayoutDir layout = LayoutDir::create(path());
  const BlobDigest digest{sha256("absent")};
  EXPECT_FALSE(layout.has(digest));
  expect_error(Errc::not_found, digest.str(), [&] { layout.open_blob(digest); });
}

// A layout from elsewhere must lead nowhere outside itself, and not make us wait.
TEST_P(Layout, hostile_blob_entries_are_refused) {
  LayoutDir layout = LayoutDir::create(path());
  write_file(path("secret"), "secret");
  const auto place = [&](std::string_view name) {
    return path() / "blobs/sha256" / sha256(name).hex();
  };
  fs::create_symlink(path("secret"), place("link"));
  fs::create_directory(place("dir"));
  ASSERT_EQ(::mkfifo(place("fifo").c_str(), 0600), 0);
  for (const std::string_view name : {"link", "dir", "fifo"}) {
    SCOPED_TRACE(name);
    const BlobDigest digest{sha256(name)};
    EXPECT_FALSE(layout.has(digest));
    EXPECT_THROW(layout.open_blob(digest), Error);
  }
  fs::remove_all(path() / "blobs");
  fs::create_directory_symlink(path("."), path() / "blobs");
  EXPECT_THROW(layout.open_blob(BlobDigest{sha256("x")}), Error);
}

Descriptor entry(const std::string& content, const std::string& image, const std::string& ref) {
  Descriptor descriptor;
  descriptor.media_type = kManifestType;
  descriptor.digest = BlobDigest{sha256(content)};
  if (!image.empty()) descriptor.annotations["io.containerd.image.name"] = image;
  if (!ref.empty()) descriptor.annotations["org.opencontainers.image.ref.name"] = ref;
  return descriptor;
}

TEST_P(Layout, OUT_04_index_entries_replace_their_namesakes) {
  const Descriptor a1 = entry("1", "docker.io/library/a:v1", "v1");
  const Descriptor b1 = entry("1", "docker.io/library/b:v1", "v1");
  const Descriptor a2 = entry("2", "docker.io/library/a:v1", "v1");
  const Descriptor plain_v1 = entry("3", "", "v1");
  const Descriptor plain_v2 = entry("3", "", "v2");
  const Descriptor nameless = entry("1", "", "");
  const Descriptor nameless2 = entry("2", "", "");
  struct Row {
    std::vector<Descriptor> add;
    std::vector<Descriptor> result;
  };
  const Row rows[] = {
      {{a1, b1}, {a1, b1}},
      {{a1, b1, a2}, {b1, a2}},
      {{a1, a1}, {a1}},
      {{a1, plain_v1}, {plain_v1}},
      {{plain_v1, a1}, {a1}},
      {{plain_v1, plain_v2}, {plain_v1, plain_v2}},
      {{nameless, a1, nameless}, {a1, nameless}},
      {{nameless, nameless2}, {nameless, nameless2}},
  };
  for (const Row& row : rows) {
    fs::remove_all(path());
    LayoutDir layout = LayoutDir::create(path());
    for (const Descriptor& descriptor : row.add) layout.add_to_index({descriptor});
    EXPECT_EQ(layout.index().manifests, row.result);
    EXPECT_EQ(names(path()), (Names{"blobs", "index.json", "oci-layout"}));
  }
}

TEST_P(Layout, writers_at_once_lose_no_entry) {
  LayoutDir::create(path());
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this, thread] {
      LayoutDir layout = LayoutDir::open(path());
      for (int i = 0; i < 10; ++i) layout.add_to_index({entry("x", "", cat("t", thread, ".", i))});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(LayoutDir::open(path()).index().manifests.size(), 40U);
}

TEST_P(Layout, OUT_13_write_layout_names_every_entry) {
  MemoryBlobs blobs;
  const auto image = put_sample_image(blobs);
  LayoutDir layout = LayoutDir::create(path());
  write_layout(
      blobs,
      {image.root, {parse_reference("a:v1"), parse_reference("r.io/b:v2")}, "2024-01-02T03:04:05Z"},
      layout);
  const Index index = layout.index();
  ASSERT_EQ(index.manifests.size(), 2U);
  EXPECT_EQ(index.manifests[0].digest, image.root.digest);
  EXPECT_EQ(index.manifests[0].annotations,
            (Annotations{{"io.containerd.image.name", "docker.io/library/a:v1"},
                         {"org.opencontainers.image.ref.name", "v1"},
                         {"org.opencontainers.image.created", "2024-01-02T03:04:05Z"}}));
  EXPECT_EQ(index.manifests[1].annotations.at("io.containerd.image.name"), "r.io/b:v2");
  EXPECT_EQ(reachable_blobs(layout, index.manifests[0]).size(), blobs.count());
}

TEST_P(Layout, OUT_13_unnamed_layout_gets_latest) {
  MemoryBlobs blobs;
  LayoutDir layout = LayoutDir::create(path());
  write_layout(blobs, {put_sample_image(blobs).root, {}, std::nullopt}, layout);
  EXPECT_EQ(layout.index().manifests.at(0).annotations,
            (Annotations{{"org.opencontainers.image.ref.name", "latest"}}));
}

TEST_P(Layout, a_gap_leaves_the_index_as_it_was) {
  MemoryBlobs blobs;
  const auto image = put_sample_image(blobs);
  blobs.remove(image.manifest.layers[1].digest);
  LayoutDir layout = LayoutDir::create(path());
  expect_error(Errc::not_found, image.manifest.layers[1].digest.str(), [&] {
    write_layout(blobs, {image.root, {}, std::nullopt}, layout);
  });
  EXPECT_TRUE(layout.index().manifests.empty());
}

}  // namespace
}  // namespace cooper::oci
