// Mirrors and blocked registries.
#include <gtest/gtest.h>

#include "base/error.h"
#include "oci/registry.h"
#include "tests/support/fake_registry.h"

namespace cooper::oci {
namespace {

using tests::FakeRegistry;
using tests::ServerRequest;
using tests::ServerResponse;

constexpr const char* kManifestText = R"({"schemaVersion":2})";

ClientOptions quick() {
  ClientOptions options;
  options.sleep = [](std::chrono::milliseconds) {};
  return options;
}

Reference at(const std::string& host) {
  return {host, "team/app", "latest", std::nullopt};
}

std::string fetch(Registry& registry, const Reference& reference, const Descriptor& blob) {
  StringSink sink;
  registry.fetch_blob(reference, blob, sink);
  return sink.text;
}

TEST(RegistryMirror, mirrors_come_first_and_may_fail) {
  FakeRegistry good;
  FakeRegistry empty;
  FakeRegistry own;
  const std::string dead = cat("127.0.0.1:", tests::unused_port());
  const Descriptor blob = good.put_blob("cache/team/app", "content");
  good.put_manifest("cache/team/app", "latest", kManifestType, kManifestText);
  const Descriptor only_own = own.put_blob("team/app", "own");
  ClientOptions options = quick();
  options.settings = [&](const Reference& reference) {
    RegistrySettings settings;
    if (reference.registry == own.host())
      settings.mirrors = {dead, empty.host(), good.host() + "/cache"};
    return settings;
  };
  const auto client = make_registry_client(options);
  EXPECT_EQ(client->fetch_manifest(at(own.host())).content, kManifestText);
  EXPECT_EQ(fetch(*client, at(own.host()), blob), "content");
  EXPECT_TRUE(own.server().requests().empty());
  EXPECT_EQ(empty.server().requests().size(), 2U);
  EXPECT_EQ(fetch(*client, at(own.host()), only_own), "own");
}

TEST(RegistryMirror, a_mirror_that_breaks_off_is_continued_elsewhere) {
  FakeRegistry::Options options;
  options.tamper = [](const ServerRequest&, int, ServerResponse& response) {
    response.drop_after = 10;
  };
  FakeRegistry mirror(options);
  FakeRegistry own;
  mirror.put_blob("team/app", "0123456789abcdefghij");
  const Descriptor blob = own.put_blob("team/app", "0123456789abcdefghij");
  ClientOptions client_options = quick();
  client_options.settings = [&](const Reference& reference) {
    RegistrySettings settings;
    if (reference.registry == own.host()) settings.mirrors = {mirror.host()};
    return settings;
  };
  EXPECT_EQ(fetch(*make_registry_client(client_options), at(own.host()), blob),
            "0123456789abcdefghij");
  EXPECT_EQ(own.server().requests().back().header("range"), "bytes=10-");
}

TEST(RegistryMirror, blocked_registries_are_not_asked) {
  FakeRegistry fake;
  ClientOptions options = quick();
  options.settings = [&](const Reference&) {
    return RegistrySettings{.blocked = true, .mirrors = {fake.host()}};
  };
  const auto client = make_registry_client(options);
  try {
    client->fetch_manifest(at("blocked.example"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::denied);
    EXPECT_STREQ(error.what(), "registry blocked.example is blocked by configuration");
  }
  EXPECT_TRUE(fake.server().requests().empty());
}

}  // namespace
}  // namespace cooper::oci
