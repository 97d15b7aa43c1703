// Pushing blobs, manifests and whole images.
#include <gtest/gtest.h>

#include <mutex>

#include "base/error.h"
#include "oci/registry.h"
#include "tests/support/fake_registry.h"
#include "tests/support/memory_blobs.h"

namespace cooper::oci {
namespace {

using tests::FakeRegistry;
using tests::MemoryBlobs;
using tests::ServerRequest;
using tests::ServerResponse;

ClientOptions quick() {
  ClientOptions options;
  options.sleep = [](std::chrono::milliseconds) {};
  return options;
}

Reference at(const std::string& host, const std::string& tag = "latest") {
  return {host, "team/app", tag, std::nullopt};
}

Descriptor put(MemoryBlobs& blobs, const std::string& content,
               std::string_view type = kLayerTarType) {
  Descriptor descriptor;
  descriptor.media_type = type;
  descriptor.digest = blobs.put(content);
  descriptor.size_bytes = content.size();
  return descriptor;
}

std::vector<std::string> methods(const FakeRegistry& fake) {
  std::vector<std::string> all;
  for (const ServerRequest& request : fake.server().requests()) all.push_back(request.method);
  return all;
}

TEST(RegistryPush, OUT_21_head_post_put) {
  for (const bool absolute : {false, true}) {
    FakeRegistry::Options options;
    options.absolute_locations = absolute;
    FakeRegistry fake(options);
    MemoryBlobs blobs;
    const Descriptor blob = put(blobs, std::string(1'000'000, 'b'));
    make_registry_client(quick())->push_blob(at(fake.host()), blob, blobs, std::nullopt);
    EXPECT_EQ(fake.blob("team/app", blob.digest), std::string(1'000'000, 'b'));
    EXPECT_EQ(methods(fake), (std::vector<std::string>{"HEAD", "POST", "PUT"}));
    const ServerRequest upload = fake.server().requests().back();
    EXPECT_EQ(upload.query.at("state"), "a/b");  // the location's own query is kept
    EXPECT_EQ(upload.header("content-type"), "application/octet-stream");
  }
}

TEST(RegistryPush, OUT_21_a_present_blob_is_not_sent) {
  FakeRegistry fake;
  MemoryBlobs blobs;
  const Descriptor blob = fake.put_blob("team/app", "content");
  make_registry_client(quick())->push_blob(at(fake.host()), blob, blobs,
                                           std::nullopt);  // not even opened
  EXPECT_EQ(methods(fake), (std::vector<std::string>{"HEAD"}));
}

TEST(RegistryPush, OUT_21_a_blob_is_mounted_across_repositories) {
  FakeRegistry fake;
  MemoryBlobs blobs;
  const Descriptor blob = fake.put_blob("base/image", "content");
  make_registry_client(quick())->push_blob(at(fake.host()), blob, blobs, "base/image");
  EXPECT_TRUE(fake.has_blob("team/app", blob.digest));
  EXPECT_EQ(methods(fake), (std::vector<std::string>{"HEAD", "POST"}));
}

TEST(RegistryPush, a_refused_mount_is_an_upload) {
  FakeRegistry::Options options;
  options.mounts = false;
  FakeRegistry fake(options);
  MemoryBlobs blobs;
  const Descriptor blob = put(blobs, "content");
  make_registry_client(quick())->push_blob(at(fake.host()), blob, blobs, "base/image");
  EXPECT_EQ(fake.blob("team/app", blob.digest), "content");
  EXPECT_EQ(methods(fake),
            (std::vector<std::string>{"HEAD", "POST", "PUT"}));  // in the session it opened
}

TEST(RegistryPush, a_forbidden_mount_is_an_upload) {
  FakeRegistry::Options options;
  options.intercept = [](const ServerRequest& request, int) -> std::optional<ServerResponse> {
    if (request.query.count("mount") == 0) return std::nullopt;
    return tests::registry_error(403, "DENIED", "no access to base/image");
  };
  FakeRegistry fake(options);
  MemoryBlobs blobs;
  const Descriptor blob = put(blobs, "content");
  make_registry_client(quick())->push_blob(at(fake.host()), blob, blobs, "base/image");
  EXPECT_EQ(fake.blob("team/app", blob.digest), "content");
}

TEST(RegistryPush, mounting_asks_for_both_repositories) {
  FakeRegistry::Options options;
  options.login = FakeRegistry::Login::token;
  FakeRegistry fake(options);
  MemoryBlobs blobs;
  const Descriptor blob = fake.put_blob("base/image", "content");
  ClientOptions client_options = quick();
  client_options.credentials = [](const std::string&) { return Credentials{"user", "secret", ""}; };
  make_registry_client(client_options)->push_blob(at(fake.host()), blob, blobs, "base/image");
  bool both = false;
  for (const std::string& line : fake.server().log()) {
    both = both || (line.find("scope=repository%3Ateam%2Fapp%3Apull%2Cpush") != std::string::npos &&
                    line.find("scope=repository%3Abase%2Fimage%3Apull") != std::string::npos);
  }
  EXPECT_TRUE(both);
}

TEST(RegistryPush, uploads_start_over_after_passing_failures) {
  for (const int status : {500, 503, 404}) {
    FakeRegistry::Options options;
    auto puts = std::make_shared<std::atomic<int>>(0);
    options.intercept = [=](const ServerRequest& request, int) -> std::optional<ServerResponse> {
      if (request.method != "PUT" || ++*puts > 2) return std::nullopt;
      return tests::registry_error(status, "BLOB_UPLOAD_UNKNOWN", "gone");
    };
    FakeRegistry fake(options);
    MemoryBlobs blobs;
    const Descriptor blob = put(blobs, "content");
    make_registry_client(quick())->push_blob(at(fake.host()), blob, blobs, std::nullopt);
    EXPECT_EQ(fake.blob("team/app", blob.digest), "content");
    EXPECT_EQ(fake.count("POST", "/uploads/"), 3U) << status;
  }
}

TEST(RegistryPush, a_blob_that_arrived_although_the_answer_was_lost) {
  FakeRegistry::Options options;
  options.tamper = [](const ServerRequest& request, int, ServerResponse& response) {
    if (request.method == "PUT") response = tests::registry_error(502, "X", "gateway");
  };
  FakeRegistry fake(options);
  MemoryBlobs blobs;
  const Descriptor blob = put(blobs, "content");
  make_registry_client(quick())->push_blob(at(fake.host()), blob, blobs, std::nullopt);
  EXPECT_EQ(fake.count("PUT", "/uploads/"), 1U);
}

TEST(RegistryPush, a_refusal_is_final_and_told) {
  FakeRegistry fake;
  MemoryBlobs blobs;
  const Descriptor blob = put(blobs, "content");
  blobs.damage(blob.digest, "CONTENT");
  try {
    make_registry_client(quick())->push_blob(at(fake.host()), blob, blobs, std::nullopt);
    FAIL();
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_TRUE(text.starts_with("pushing blob " + blob.digest.str() + " to " + fake.host() +
                                 "/team/app: "
                                 "DIGEST_INVALID"))
        << text;
    EXPECT_EQ(text.find("state="), std::string::npos);
  }
  EXPECT_EQ(fake.count("PUT", ""), 1U);
}

TEST(RegistryPush, hostile_upload_locations) {
  for (const std::string location : {"", "file:///etc/passwd", "http://", "gopher://x/"}) {
    FakeRegistry::Options options;
    options.tamper = [=](const ServerRequest& request, int, ServerResponse& response) {
      if (request.method != "POST") return;
      response.headers.clear();
      if (!location.empty()) response.headers = {{"Location", location}};
    };
    FakeRegistry fake(options);
    MemoryBlobs blobs;
    const Descriptor blob = put(blobs, "content");
    EXPECT_THROW(
        make_registry_client(quick())->push_blob(at(fake.host()), blob, blobs, std::nullopt),
        Error);
    EXPECT_EQ(fake.count("PUT", ""), 0U);
  }
}

TEST(RegistryPush, an_upload_elsewhere_carries_no_login) {
  tests::HttpServer elsewhere([](const ServerRequest&) { return ServerResponse{201, {}, ""}; });
  FakeRegistry::Options options;
  options.login = FakeRegistry::Login::basic;
  options.tamper = [&](const ServerRequest& request, int, ServerResponse& response) {
    if (request.method == "POST" && response.status == 202) {
      response.headers = {{"Location", elsewhere.url("/up?sig=1")}};
    }
  };
  FakeRegistry fake(options);
  MemoryBlobs blobs;
  const Descriptor blob = put(blobs, "content");
  ClientOptions client_options = quick();
  client_options.credentials = [](const std::string&) { return Credentials{"user", "secret", ""}; };
  make_registry_client(client_options)->push_blob(at(fake.host()), blob, blobs, std::nullopt);
  ASSERT_EQ(elsewhere.requests().size(), 1U);
  EXPECT_EQ(elsewhere.requests()[0].header("authorization"), "");
  EXPECT_EQ(elsewhere.requests()[0].body, "content");
}

TEST(RegistryPush, manifests_go_by_tag_or_digest) {
  FakeRegistry fake;
  MemoryBlobs blobs;
  const Descriptor manifest = put(blobs, "{}", kManifestType);
  const auto client = make_registry_client(quick());
  client->push_manifest(at(fake.host(), "v1"), manifest, "{}");
  client->push_manifest(at(fake.host(), ""), manifest, "{}");
  EXPECT_EQ(fake.manifest("team/app", "v1"), "{}");
  EXPECT_EQ(fake.server().requests()[0].path, "/v2/team/app/manifests/v1");
  EXPECT_EQ(fake.server().requests()[0].header("content-type"), kManifestType);
  EXPECT_EQ(fake.server().requests()[1].path, "/v2/team/app/manifests/" + manifest.digest.str());
}

TEST(RegistryPush, a_manifest_stored_differently_is_an_error) {
  FakeRegistry::Options options;
  options.tamper = [](const ServerRequest&, int, ServerResponse& response) {
    response.headers = {{"Docker-Content-Digest", sha256("other").str()}};
  };
  FakeRegistry fake(options);
  MemoryBlobs blobs;
  const Descriptor manifest = put(blobs, "{}", kManifestType);
  EXPECT_THROW(make_registry_client(quick())->push_manifest(at(fake.host()), manifest, "{}"),
               Error);
}

// -- whole images
// -----------------------------------------------------------------------------------

Descriptor put_image(MemoryBlobs& blobs, const std::string& name,
                     const std::vector<Descriptor>& layers) {
  Manifest manifest;
  manifest.config = put(blobs, R"({"name":")" + name + R"("})", kConfigType);
  manifest.layers = layers;
  return put(blobs, to_json(manifest), kManifestType);
}

TEST(PushImage, OUT_21_everything_arrives_and_the_manifest_is_last) {
  FakeRegistry fake;
  MemoryBlobs blobs;
  std::vector<Descriptor> layers;
  for (int i = 0; i < 10; ++i) layers.push_back(put(blobs, cat("layer ", i)));
  layers.push_back(layers.front());  // a layer may repeat
  const Descriptor root = put_image(blobs, "a", layers);
  push_image(*make_registry_client(quick()), at(fake.host(), "v1"), root, blobs);
  for (const Descriptor& layer : layers) EXPECT_TRUE(fake.has_blob("team/app", layer.digest));
  EXPECT_EQ(fake.manifest("team/app", "v1"), blobs.content(root.digest));
  EXPECT_EQ(fake.server().requests().back().path, "/v2/team/app/manifests/v1");
  EXPECT_EQ(fake.count("PUT", "/uploads/"), 11U);  // ten layers and the configuration
}

TEST(PushImage, an_index_follows_its_children) {
  FakeRegistry fake;
  MemoryBlobs blobs;
  const Descriptor shared = put(blobs, "shared");
  Index index;
  index.manifests = {put_image(blobs, "a", {shared}),
                     put_image(blobs, "b", {shared, put(blobs, "own")})};
  const Descriptor root = put(blobs, to_json(index), kIndexType);
  push_image(*make_registry_client(quick()), at(fake.host()), root, blobs, 1);
  std::vector<std::string> manifests;
  for (const ServerRequest& request : fake.server().requests()) {
    if (request.path.find("/manifests/") != std::string::npos)
      manifests.push_back(request.path.substr(23));
  }
  EXPECT_EQ(manifests, (std::vector<std::string>{index.manifests[0].digest.str(),
                                                 index.manifests[1].digest.str(), "latest"}));
  EXPECT_EQ(fake.count("PUT", "/uploads/"), 4U);
}

TEST(PushImage, by_digest_without_a_tag) {
  FakeRegistry fake;
  MemoryBlobs blobs;
  const Descriptor root = put_image(blobs, "a", {});
  Reference reference = at(fake.host(), "");
  reference.digest = root.digest;
  push_image(*make_registry_client(quick()), reference, root, blobs);
  EXPECT_EQ(fake.server().requests().back().path, "/v2/team/app/manifests/" + root.digest.str());
  reference.digest = BlobDigest{sha256("other")};
  EXPECT_THROW(push_image(*make_registry_client(quick()), reference, root, blobs), Error);
}

TEST(PushImage, foreign_layers_stay_where_they_are) {
  FakeRegistry fake;
  MemoryBlobs blobs;
  Descriptor foreign;
  foreign.media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  foreign.digest = {sha256("not ours")};
  foreign.size_bytes = 8;
  const Descriptor root = put_image(blobs, "a", {foreign});
  push_image(*make_registry_client(quick()), at(fake.host()), root, blobs);
  EXPECT_FALSE(fake.has_blob("team/app", foreign.digest));
}

TEST(PushImage, layers_of_the_same_registry_are_mounted_unread) {
  FakeRegistry fake;
  MemoryBlobs blobs;
  const Descriptor base = fake.put_blob("base/image", "base layer");  // not in `blobs`
  const Descriptor own = put(blobs, "own layer");
  const Descriptor root = put_image(blobs, "a", {base, own});
  push_image(*make_registry_client(quick()), at(fake.host()), root, blobs, 4,
             [&](const Descriptor& blob) -> std::optional<std::string> {
               if (blob.digest != base.digest) return std::nullopt;
               return "base/image";
             });
  EXPECT_TRUE(fake.has_blob("team/app", base.digest));
  EXPECT_EQ(fake.count("PUT", "/uploads/"), 2U);
}

TEST(PushImage, a_missing_blob_is_named_and_no_manifest_is_sent) {
  FakeRegistry fake;
  MemoryBlobs blobs;
  const Descriptor lost = put(blobs, "lost");
  const Descriptor root = put_image(blobs, "a", {put(blobs, "kept"), lost});
  blobs.remove(lost.digest);
  try {
    push_image(*make_registry_client(quick()), at(fake.host()), root, blobs);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::not_found);
    EXPECT_NE(std::string(error.what()).find(lost.digest.str()), std::string::npos);
  }
  EXPECT_EQ(fake.count("PUT", "/manifests/"), 0U);
}

// Fails the first blob it is given and records the rest.
class FailingRegistry : public Registry {
 public:
  FetchedManifest fetch_manifest(const Reference&, Lookup) override { return {}; }
  void fetch_blob(const Reference&, const Descriptor&, ByteSink&) override {}
  void push_blob(const Reference&, const Descriptor& blob, BlobReader&,
                 const std::optional<std::string>&) override {
    const std::lock_guard lock(mutex_);
    pushed.push_back(blob.digest);
    throw Error(Errc::denied, cat("refused ", pushed.size()));
  }
  void push_manifest(const Reference&, const Descriptor&, const std::string&) override {
    ++manifests;
  }
  std::vector<BlobDigest> pushed;
  int manifests = 0;

 private:
  std::mutex mutex_;
};

TEST(PushImage, the_first_failure_stops_the_rest) {
  MemoryBlobs blobs;
  std::vector<Descriptor> layers;
  for (int i = 0; i < 50; ++i) layers.push_back(put(blobs, cat("layer ", i)));
  const Descriptor root = put_image(blobs, "a", layers);
  FailingRegistry registry;
  EXPECT_THROW(push_image(registry, at("h"), root, blobs, 4), Error);
  EXPECT_LE(registry.pushed.size(), 4U);  // at most one each
  EXPECT_EQ(registry.manifests, 0);
}

TEST(PushImage, what_is_no_image_is_not_pushed) {
  MemoryBlobs blobs;
  FailingRegistry registry;
  EXPECT_THROW(push_image(registry, at("h"), put(blobs, "{}", "text/plain"), blobs), Error);
}

}  // namespace
}  // namespace cooper::oci
