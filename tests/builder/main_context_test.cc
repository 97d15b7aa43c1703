#include "builder/sources/main_context.h"

#include <gtest/gtest.h>

#include "builder/layout_images.h"
#include "builder/tree_file.h"
#include "oci/layout.h"
#include "tests/builder/source_fixture.h"
#include "tests/support/http_server.h"
#include "tests/support/tar_builder.h"

namespace cooper::builder {
namespace {

std::string gzipped(const std::string& content) {
  struct Collect : ByteSink {
    void write(Bytes bytes) override { text.append(as_text(bytes)); }
    std::string text;
  } sink;
  layers::CompressionSpec spec;
  spec.kind = layers::Compression::gzip;
  const auto compressor = layers::make_compressor(sink, spec);
  compressor->write(as_bytes(content));
  compressor->finish();
  return sink.text;
}

class MainContexts : public SourceTest {
 protected:
  FetchedContext stream(const std::string& content) {
    RemoteSources sources(*store_, progress_, settings());
    Materializer materializer(*store_, fetcher_);
    MemorySource input(content);
    return stream_context(input, sources, materializer);
  }
  FetchedContext fetch(const RemoteSource& source) {
    RemoteSources sources(*store_, progress_, settings());
    Materializer materializer(*store_, fetcher_);
    return fetch_context(source, sources, materializer, {});
  }
  static std::optional<std::string> text_in(const FetchedContext& context, const std::string& path) {
    return read_tree_file(*context.files, TreePath::clean(path));
  }
  static std::string sample_tar() {
    tests::TarBuilder::Meta owned;
    owned.uid = 5;
    owned.gid = 6;
    owned.mode = 0640;
    return tests::TarBuilder()
        .file("./Dockerfile", "FROM scratch\n")
        .directory("d/")
        .file("d/f", "1", owned)
        .symlink("link", "d/f")
        .symlink("out", "../../../etc/passwd")
        .finish();
  }
};

TEST_F(MainContexts, CTX_05_a_tar_on_standard_input) {
  for (const std::string& content : {sample_tar(), gzipped(sample_tar())}) {
    const FetchedContext context = stream(content);
    EXPECT_EQ(text_in(context, "Dockerfile"), "FROM scratch\n");
    EXPECT_EQ(text_in(context, "link"), "1");
    EXPECT_EQ(text_in(context, "out"), std::nullopt);  // SEC-07: inside the context there is no such file
    EXPECT_FALSE(context.dockerfile_name);
    EXPECT_FALSE(context.dockerfile_text);
    EXPECT_EQ(context.source.kind, SourceStep::Kind::fetched);
    EXPECT_EQ(context.source.layers.size(), 1U);
    const auto entry = context.files->find(TreePath::clean("d/f"));
    EXPECT_EQ(entry->uid, 5U);
    EXPECT_EQ(entry->mode, 0640U);
    EXPECT_EQ(entry->mtime.seconds, 1'000'000'000);
  }
}

TEST_F(MainContexts, CTX_05_a_lone_dockerfile_on_standard_input) {
  for (const std::string content : {"FROM scratch\n", ""}) {
    const FetchedContext context = stream(content);
    EXPECT_EQ(context.dockerfile_text, content);
    EXPECT_EQ(context.source.kind, SourceStep::Kind::scratch);
    EXPECT_TRUE(context.files->children(TreePath()).empty());
  }
}

TEST_F(MainContexts, CTX_05_equal_contexts_are_kept_once) {
  EXPECT_EQ(stream(sample_tar()).source.layers, stream(sample_tar()).source.layers);
}

TEST_F(MainContexts, SEC_07_members_do_not_climb_out) {
  const std::string evil = tests::TarBuilder().file("Dockerfile", "FROM scratch\n").file("../../escape", "x").finish();
  EXPECT_EQ(text_in(stream(evil), "escape"), "x");
}

TEST_F(MainContexts, CTX_07_a_url_with_a_tar_or_a_dockerfile) {
  tests::HttpServer server([](const tests::ServerRequest& request) {
    return tests::ServerResponse{200, {}, request.path == "/c.txt" ? gzipped(sample_tar()) : "FROM scratch\nCOPY . /\n"};
  });
  const FetchedContext tar = fetch(HttpSource{server.url("/c.txt"), {}});
  EXPECT_EQ(text_in(tar, "d/f"), "1");
  EXPECT_EQ(text_in(tar, "context"), std::nullopt);
  EXPECT_FALSE(tar.dockerfile_name);
  const FetchedContext lone = fetch(HttpSource{server.url("/c.tar"), {}});
  EXPECT_EQ(lone.dockerfile_name, "context");
  EXPECT_EQ(text_in(lone, "context"), "FROM scratch\nCOPY . /\n");
  EXPECT_EQ(lone.files->children(TreePath()).size(), 1U);
}

// -- images out of layouts ------------------------------------------------------------------------

TEST(LayoutReference, CTX_08_forms) {
  const std::string digest = oci::sha256("x").str();
  struct Row {
    std::string written;
    const char* path;
    const char* tag;
    bool digested;
  };
  const Row table[] = {
      {"oci-layout:///a/b", "/a/b", "", false},
      {"oci-layout://dir:v1", "dir", "v1", false},
      {"oci-layout://dir@" + digest, "dir", "", true},
      {"oci-layout://dir:v1@" + digest, "dir", "v1", true},
      {"oci-layout:///a:b/c", "/a:b/c", "", false},
      {"oci-layout:///a@b/c", "/a@b/c", "", false},
  };
  for (const Row& row : table) {
    const LayoutReference reference = parse_layout_reference(row.written);
    EXPECT_EQ(reference.path, row.path) << row.written;
    EXPECT_EQ(reference.tag, row.tag) << row.written;
    EXPECT_EQ(reference.digest.has_value(), row.digested) << row.written;
  }
  EXPECT_THROW(parse_layout_reference("oci-layout://"), Error);
  EXPECT_THROW(parse_layout_reference("oci-layout://d@sha256:1"), Error);
}

class Layouts : public StoreTest {
 protected:
  void SetUp() override {
    oci::LayoutDir layout = oci::LayoutDir::create(path("layout"));
    for (const char* tag : {"one", "two"}) {
      oci::Descriptor root = oci::write_blob(layout, oci::kManifestType, std::string("{\"x\":\"") + tag + "\"}");
      root.annotations["org.opencontainers.image.ref.name"] = tag;
      roots_.push_back(root);
    }
    layout.add_to_index(roots_);
  }
  std::string name(const std::string& rest) const { return "oci-layout://" + path("layout").string() + rest; }

  std::vector<oci::Descriptor> roots_;
};

TEST_F(Layouts, CTX_08_by_tag_by_digest_or_not_at_all) {
  EXPECT_EQ(layout_root(name(":two"), *store_).digest, roots_[1].digest);
  EXPECT_EQ(layout_root(name("@" + roots_[0].digest.str()), *store_).digest, roots_[0].digest);
  EXPECT_TRUE(store_->has(roots_[0].digest));
  for (const char* rest : {"", ":three"}) {
    try {
      layout_root(name(rest), *store_);
      ADD_FAILURE() << "found something";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::not_found);
      EXPECT_HAS(error.what(), "has no digest");
    }
  }
}

TEST_F(Layouts, damaged_blobs_do_not_come_in) {
  const oci::Descriptor& root = roots_[0];
  const fs::path blob = path("layout") / "blobs/sha256" / root.digest.hex();
  fs::permissions(blob, fs::perms::owner_all);
  write_file(blob, "{}");
  EXPECT_THROW(layout_root(name("@" + root.digest.str()), *store_), Error);
  EXPECT_FALSE(store_->has(root.digest));
}

}  // namespace
}  // namespace cooper::builder
