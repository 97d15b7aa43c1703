// Pulling: manifests and blobs, retries, resuming, https and http. Mirrors: registry_mirror_test.cc.
#include "oci/registry.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/fake_registry.h"

namespace cooper::oci {
namespace {

using std::chrono::milliseconds;
using tests::FakeRegistry;
using tests::ServerRequest;
using tests::ServerResponse;
using Sleeps = std::shared_ptr<std::vector<milliseconds>>;

constexpr const char* kManifestText = R"({"schemaVersion":2})";

ClientOptions quick(const Sleeps& sleeps = std::make_shared<std::vector<milliseconds>>()) {
  ClientOptions options;
  options.sleep = [sleeps](milliseconds delay) { sleeps->push_back(delay); };
  return options;
}

Reference at(const std::string& host, const std::string& tag = "latest") {
  return {host, "team/app", tag, std::nullopt};
}

std::string fetch(Registry& registry, const Reference& reference, const Descriptor& blob) {
  StringSink sink;
  registry.fetch_blob(reference, blob, sink);
  return sink.text;
}

// Runs body and returns the Error it must throw.
template <class Body>
Error failure_of(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no Error";
  return Error(Errc::invalid, "none");
}

TEST(Registry, manifest_by_tag) {
  FakeRegistry fake;
  const Descriptor stored = fake.put_manifest("team/app", "latest", kManifestType, kManifestText);
  const FetchedManifest fetched = make_registry_client(quick())->fetch_manifest(at(fake.host()));
  EXPECT_EQ(fetched.content, kManifestText);
  EXPECT_EQ(fetched.descriptor, stored);
  const ServerRequest request = fake.server().requests().back();
  EXPECT_EQ(request.target, "/v2/team/app/manifests/latest");
  EXPECT_EQ(request.header("user-agent"), "cooper");
  for (const std::string_view type :
       {kManifestType, kIndexType, kDockerManifestType, kDockerListType}) {
    EXPECT_NE(request.header("accept").find(type), std::string::npos) << type;
  }
}

TEST(Registry, the_digest_wins_over_the_tag) {
  FakeRegistry fake;
  const Descriptor stored = fake.put_manifest("team/app", "", kIndexType, kManifestText);
  Reference reference = at(fake.host(), "other");
  reference.digest = stored.digest;
  EXPECT_EQ(make_registry_client(quick())->fetch_manifest(reference).descriptor, stored);
}

TEST(Registry, a_manifest_with_another_digest_is_refused) {
  FakeRegistry::Options options;
  options.tamper = [](const ServerRequest&, int, ServerResponse& response) {
    response.headers.clear();
    response.body += " ";
  };
  FakeRegistry fake(options);
  Reference reference = at(fake.host());
  reference.digest = fake.put_manifest("team/app", "latest", kManifestType, kManifestText).digest;
  const auto client = make_registry_client(quick());
  EXPECT_EQ(failure_of([&] { client->fetch_manifest(reference); }).code(), Errc::corrupt);
}

TEST(Registry, a_manifest_unlike_its_announced_digest_is_refused) {
  FakeRegistry::Options options;
  options.tamper = [](const ServerRequest&, int, ServerResponse& response) {
    response.body += " ";
  };
  FakeRegistry fake(options);
  fake.put_manifest("team/app", "latest", kManifestType, kManifestText);
  const auto client = make_registry_client(quick());
  EXPECT_EQ(failure_of([&] { client->fetch_manifest(at(fake.host())); }).code(), Errc::corrupt);
}

struct TypeCase {
  std::string content_type;
  std::string body;
  std::string expected;  // media type, or
  std::optional<Errc> failure;
};

TEST(Registry, media_types_of_manifests) {
  const std::string oci(kManifestType);
  const std::string index(kIndexType);
  const TypeCase table[] = {
      {oci, "{}", oci, {}},
      {oci + "; charset=utf-8", "{}", oci, {}},
      {"application/json", R"({"mediaType":")" + index + R"("})", index, {}},
      {"text/plain", "{}", "text/plain", {}},
      {std::string(kDockerListType),
       R"({"mediaType":")" + index + R"("})",
       std::string(kDockerListType),
       {}},
      // One digest, two readings (CVE-2021-41190).
      {oci, R"({"mediaType":")" + index + R"("})", "", Errc::corrupt},
      {index, R"({"manifests":[],"layers":[]})", "", Errc::corrupt},
      {index, R"({"manifests":[],"config":{}})", "", Errc::corrupt},
      {oci, "[]", "", Errc::corrupt},
      {oci, "not json", "", Errc::corrupt},
      {oci, "", "", Errc::corrupt},
      {"application/vnd.docker.distribution.manifest.v1+prettyjws", "{}", "", Errc::unsupported},
  };
  for (const TypeCase& row : table) {
    FakeRegistry fake;
    fake.put_manifest("team/app", "latest", row.content_type, row.body);
    const auto client = make_registry_client(quick());
    if (row.failure) {
      EXPECT_EQ(failure_of([&] { client->fetch_manifest(at(fake.host())); }).code(), row.failure)
          << row.body;
    } else {
      EXPECT_EQ(client->fetch_manifest(at(fake.host())).descriptor.media_type, row.expected);
    }
  }
}

TEST(Registry, a_manifest_over_4_MiB_is_refused) {
  FakeRegistry fake;
  fake.put_manifest("team/app", "latest", kManifestType,
                    "{\"a\":\"" + std::string(4 << 20, 'x') + "\"}");
  const auto client = make_registry_client(quick());
  EXPECT_EQ(failure_of([&] { client->fetch_manifest(at(fake.host())); }).code(), Errc::network);
}

TEST(Registry, FROM_18_an_absent_manifest_is_named) {
  FakeRegistry fake;
  const auto client = make_registry_client(quick());
  const Error error = failure_of([&] { client->fetch_manifest(at(fake.host(), "nope")); });
  EXPECT_EQ(error.code(), Errc::not_found);
  EXPECT_EQ(std::string(error.what()),
            fake.host() +
                "/team/app:nope: MANIFEST_UNKNOWN: manifest unknown (HTTP 404 from http://" +
                fake.host() + "/v2/team/app/manifests/nope)");
}

TEST(Registry, an_absent_blob_is_named_with_its_repository) {
  FakeRegistry fake;
  Descriptor blob;
  blob.digest = {sha256("nothing")};
  const auto client = make_registry_client(quick());
  const Error error = failure_of([&] { fetch(*client, at(fake.host()), blob); });
  EXPECT_EQ(error.code(), Errc::not_found);
  EXPECT_TRUE(std::string(error.what())
                  .starts_with("blob " + blob.digest.str() + " of " + fake.host() +
                               "/team/app: BLOB_UNKNOWN"));
}

TEST(Registry, a_registry_that_is_down_is_one_clear_error) {
  const std::string host = cat("127.0.0.1:", tests::unused_port());
  const auto sleeps = std::make_shared<std::vector<milliseconds>>();
  const auto client = make_registry_client(quick(sleeps));
  const Error error = failure_of([&] { client->fetch_manifest(at(host)); });
  EXPECT_EQ(error.code(), Errc::network);
  EXPECT_EQ(std::string(error.what()), "connecting to " + host + ": connection refused");
  EXPECT_EQ(sleeps->size(), 3U);
}

TEST(Registry, loopback_registries_speak_http_after_one_look_for_https) {
  FakeRegistry fake;
  const Descriptor blob = fake.put_blob("team/app", "content");
  const auto client = make_registry_client(quick());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(fetch(*client, at(fake.host()), blob), "content");
  EXPECT_EQ(fake.server().connections(), 2U);  // the TLS greeting, then one kept connection
}

TEST(Registry, blob_is_retried_and_resumed_by_range) {
  FakeRegistry::Options options;
  options.tamper = [](const ServerRequest& request, int nth, ServerResponse& response) {
    if (request.path.find("/blobs/") != std::string::npos && nth <= 3) response.drop_after = 10;
  };
  FakeRegistry fake(options);
  const std::string content = "0123456789abcdefghijABCDEFGHIJ the rest";
  const Descriptor blob = fake.put_blob("team/app", content);
  EXPECT_EQ(fetch(*make_registry_client(quick()), at(fake.host()), blob), content);
  std::vector<std::string> ranges;
  for (const ServerRequest& request : fake.server().requests())
    ranges.push_back(request.header("range"));
  EXPECT_EQ(ranges, (std::vector<std::string>{"", "bytes=10-", "bytes=20-", "bytes=30-"}));
}

TEST(Registry, a_server_that_ignores_range_is_skipped_forward) {
  FakeRegistry::Options options;
  options.ranges = false;
  options.tamper = [](const ServerRequest&, int nth, ServerResponse& response) {
    if (nth < 3) response.drop_after = 10U * static_cast<unsigned>(nth);
  };
  FakeRegistry fake(options);
  const std::string content(100'000, 'x');
  const Descriptor blob = fake.put_blob("team/app", content + "end");
  EXPECT_EQ(fetch(*make_registry_client(quick()), at(fake.host()), blob), content + "end");
}

TEST(Registry, a_server_that_sends_another_range_is_refused) {
  FakeRegistry::Options options;
  options.tamper = [](const ServerRequest& request, int nth, ServerResponse& response) {
    if (nth == 1) response.drop_after = 10;
    if (!request.header("range").empty()) response.headers = {{"Content-Range", "bytes 5-19/20"}};
  };
  FakeRegistry fake(options);
  const Descriptor blob = fake.put_blob("team/app", "0123456789abcdefghij");
  const auto client = make_registry_client(quick());
  EXPECT_EQ(failure_of([&] { fetch(*client, at(fake.host()), blob); }).code(), Errc::network);
}

TEST(Registry, retries_are_bounded) {
  FakeRegistry::Options options;
  options.tamper = [](const ServerRequest&, int, ServerResponse& response) {
    response.drop_after = 1;
  };
  FakeRegistry fake(options);
  const Descriptor blob = fake.put_blob("team/app", "0123456789abcdefghij");
  const auto sleeps = std::make_shared<std::vector<milliseconds>>();
  const auto client = make_registry_client(quick(sleeps));
  EXPECT_EQ(failure_of([&] { fetch(*client, at(fake.host()), blob); }).code(), Errc::network);
  EXPECT_EQ(fake.count("GET", "/blobs/"), 4U);
  ASSERT_EQ(sleeps->size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {  // jitter: between half and all of 250 ms doubled
    EXPECT_GE((*sleeps)[i], milliseconds(125 << i));
    EXPECT_LE((*sleeps)[i], milliseconds(250 << i));
  }
}

TEST(Registry, a_blob_that_advances_earns_new_retries) {
  FakeRegistry::Options options;
  options.tamper = [](const ServerRequest&, int, ServerResponse& response) {
    response.drop_after = (1 << 20) + 4096;
  };
  FakeRegistry fake(options);
  const std::string content(8 << 20, 'x');
  const Descriptor blob = fake.put_blob("team/app", content);
  EXPECT_EQ(fetch(*make_registry_client(quick()), at(fake.host()), blob), content);
  EXPECT_GT(fake.count("GET", "/blobs/"), 4U);
}

TEST(Registry, passing_failures_are_retried_and_others_not) {
  const std::pair<int, std::size_t> table[] = {{500, 2}, {502, 2}, {503, 2}, {504, 2},
                                               {429, 2}, {408, 2}, {400, 1}, {403, 1},
                                               {404, 1}, {410, 1}, {501, 1}};
  for (const auto& [status, requests] : table) {
    FakeRegistry::Options options;
    options.intercept = [status = status](const ServerRequest&,
                                          int nth) -> std::optional<ServerResponse> {
      if (nth > 1) return std::nullopt;
      return tests::registry_error(status, "X", "y");
    };
    FakeRegistry fake(options);
    fake.put_manifest("team/app", "latest", kManifestType, kManifestText);
    const auto client = make_registry_client(quick());
    if (requests == 1) {
      failure_of([&] { client->fetch_manifest(at(fake.host())); });
    } else {
      EXPECT_EQ(client->fetch_manifest(at(fake.host())).content, kManifestText);
    }
    EXPECT_EQ(fake.count("GET", "/manifests/"), requests) << status;
  }
}

TEST(Registry, retry_after_is_honoured_up_to_a_minute) {
  for (const auto& [value, least_s] : {std::pair("7", 7), std::pair("100000", 60)}) {
    FakeRegistry::Options options;
    options.intercept = [value = value](const ServerRequest&,
                                        int nth) -> std::optional<ServerResponse> {
      if (nth > 1) return std::nullopt;
      return ServerResponse{429, {{"Retry-After", value}}, "slow down"};
    };
    FakeRegistry fake(options);
    fake.put_manifest("team/app", "latest", kManifestType, kManifestText);
    const auto sleeps = std::make_shared<std::vector<milliseconds>>();
    make_registry_client(quick(sleeps))->fetch_manifest(at(fake.host()));
    ASSERT_EQ(sleeps->size(), 1U);
    EXPECT_EQ(sleeps->front(), std::chrono::seconds(least_s));
  }
}

TEST(Registry, wrong_lengths_are_network_errors) {
  for (const bool announced : {true, false}) {
    for (const char* body : {"short", "much longer than the descriptor says"}) {
      FakeRegistry::Options options;
      options.tamper = [=](const ServerRequest&, int, ServerResponse& response) {
        response.status = 200;
        response.headers.clear();
        response.body = body;
        response.content_length = announced;
      };
      FakeRegistry fake(options);
      const Descriptor blob = fake.put_blob("team/app", "sixteen bytes...");
      const auto client = make_registry_client(quick());
      StringSink sink;
      const Error error = failure_of([&] { client->fetch_blob(at(fake.host()), blob, sink); });
      EXPECT_EQ(error.code(), Errc::network) << announced << body;
      EXPECT_LE(sink.text.size(), blob.size_bytes);
    }
  }
}

TEST(Registry, an_empty_blob_is_fetched) {
  FakeRegistry fake;
  const Descriptor blob = fake.put_blob("team/app", "");
  EXPECT_EQ(fetch(*make_registry_client(quick()), at(fake.host()), blob), "");
  EXPECT_EQ(fake.count("GET", "/blobs/"), 1U);
}

TEST(Registry, a_failing_sink_is_not_retried) {
  class FullSink : public ByteSink {
   public:
    void write(Bytes) override { throw Error(Errc::io, "disk full"); }
  };
  FakeRegistry fake;
  const Descriptor blob = fake.put_blob("team/app", "content");
  const auto client = make_registry_client(quick());
  FullSink sink;
  EXPECT_STREQ(failure_of([&] { client->fetch_blob(at(fake.host()), blob, sink); }).what(),
               "disk full");
  EXPECT_EQ(fake.count("GET", "/blobs/"), 1U);
}

TEST(Registry, a_stopped_client_does_nothing_more) {
  FakeRegistry fake;
  std::stop_source stop;
  ClientOptions options = quick();
  options.stop = stop.get_token();
  const auto client = make_registry_client(options);
  stop.request_stop();
  EXPECT_EQ(failure_of([&] { client->fetch_manifest(at(fake.host())); }).code(), Errc::cancelled);
  EXPECT_TRUE(fake.server().requests().empty());
}

TEST(Registry, server_text_is_cleaned_for_the_terminal) {
  FakeRegistry::Options options;
  options.intercept = [](const ServerRequest&, int) {
    return tests::registry_error(400, "BAD", "a\\u001b[31mred\\n" + std::string(5000, 'x'));
  };
  FakeRegistry fake(options);
  const auto client = make_registry_client(quick());
  const std::string text = failure_of([&] { client->fetch_manifest(at(fake.host())); }).what();
  EXPECT_NE(text.find("BAD: a [31mred xxx"), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_LT(text.size(), 1000U);
}

}  // namespace
}  // namespace cooper::oci
