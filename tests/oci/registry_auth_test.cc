// Logging in, over the wire.
#include <gtest/gtest.h>

#include <thread>

#include "base/error.h"
#include "oci/auth.h"
#include "oci/registry.h"
#include "tests/support/fake_registry.h"
#include "tests/support/memory_blobs.h"

namespace cooper::oci {
namespace {

using tests::FakeRegistry;
using tests::ServerRequest;
using tests::ServerResponse;

ClientOptions options_with(std::optional<Credentials> credentials) {
  ClientOptions options;
  options.sleep = [](std::chrono::milliseconds) {};
  options.credentials = [credentials = std::move(credentials)](const std::string&) {
    return credentials;
  };
  return options;
}

FakeRegistry::Options login(FakeRegistry::Login kind) {
  FakeRegistry::Options options;
  options.login = kind;
  return options;
}

Reference at(const std::string& host) {
  return {host, "team/app", "latest", std::nullopt};
}

Error failure_of(Registry& registry, const Reference& reference) {
  try {
    registry.fetch_manifest(reference);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no Error";
  return Error(Errc::invalid, "none");
}

TEST(RegistryAuth, basic) {
  FakeRegistry fake(login(FakeRegistry::Login::basic));
  fake.put_manifest("team/app", "latest", kManifestType, "{}");
  const auto client = make_registry_client(options_with(Credentials{"user", "secret", ""}));
  client->fetch_manifest(at(fake.host()));
  client->fetch_manifest(at(fake.host()));
  EXPECT_EQ(fake.server().requests().size(), 3U);  // one 401, then it is known
}

TEST(RegistryAuth, basic_failures) {
  FakeRegistry fake(login(FakeRegistry::Login::basic));
  const auto anonymous = make_registry_client(options_with(std::nullopt));
  EXPECT_EQ(std::string(failure_of(*anonymous, at(fake.host())).what()),
            "registry " + fake.host() +
                " asks for a user name and password, and none are configured for it");
  const auto wrong = make_registry_client(options_with(Credentials{"user", "wrong-secret", ""}));
  for (int i = 0; i < 2; ++i) {
    const Error error = failure_of(*wrong, at(fake.host()));
    EXPECT_EQ(error.code(), Errc::denied);
    EXPECT_EQ(std::string(error.what()).find("wrong-secret"), std::string::npos);
  }
}

TEST(RegistryAuth, token_with_service_scope_and_account) {
  FakeRegistry fake(login(FakeRegistry::Login::token));
  fake.put_manifest("team/app", "latest", kManifestType, "{}");
  const auto client = make_registry_client(options_with(Credentials{"user", "secret", ""}));
  client->fetch_manifest(at(fake.host()));
  const auto requests = fake.server().requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[0].header("authorization"), "");
  EXPECT_EQ(requests[1].path, "/token");
  EXPECT_EQ(requests[1].query,
            (std::map<std::string, std::string>{
                {"service", "fake"}, {"scope", "repository:team/app:pull"}, {"account", "user"}}));
  EXPECT_EQ(requests[2].header("authorization"), "Bearer token-1");
}

TEST(RegistryAuth, tokens_are_kept_per_scope) {
  FakeRegistry fake(login(FakeRegistry::Login::token));
  tests::MemoryBlobs blobs;
  const BlobDigest digest = blobs.put("content");
  Descriptor blob;
  blob.digest = digest;
  blob.size_bytes = 7;
  fake.put_manifest("team/app", "latest", kManifestType, "{}");
  const auto client = make_registry_client(options_with(Credentials{"user", "secret", ""}));
  for (int i = 0; i < 3; ++i) client->fetch_manifest(at(fake.host()));
  client->push_blob(at(fake.host()), blob, blobs, std::nullopt);
  EXPECT_EQ(fake.count("GET", "/token"), 2U);  // pull, then pull and push
  EXPECT_TRUE(fake.has_blob("team/app", digest));
}

TEST(RegistryAuth, a_rejected_token_is_renewed_once) {
  FakeRegistry fake(login(FakeRegistry::Login::token));
  fake.put_manifest("team/app", "latest", kManifestType, "{}");
  const auto client = make_registry_client(options_with(Credentials{"user", "secret", ""}));
  client->fetch_manifest(at(fake.host()));
  fake.revoke_tokens();
  client->fetch_manifest(at(fake.host()));
  EXPECT_EQ(fake.count("GET", "/token"), 2U);
}

TEST(RegistryAuth, a_registry_that_rejects_every_token_is_left) {
  FakeRegistry::Options options = login(FakeRegistry::Login::token);
  FakeRegistry* self = nullptr;
  options.tamper = [&](const ServerRequest& request, int, ServerResponse&) {
    if (request.path == "/token") self->revoke_tokens();
  };
  FakeRegistry fake(options);
  self = &fake;
  const auto client = make_registry_client(options_with(Credentials{"user", "secret", ""}));
  const Error error = failure_of(*client, at(fake.host()));
  EXPECT_EQ(error.code(), Errc::denied);
  EXPECT_NE(std::string(error.what()).find("UNAUTHORIZED: authentication required"),
            std::string::npos);
  EXPECT_EQ(fake.count("GET", "/token"), 1U);
}

TEST(RegistryAuth, anonymous_tokens) {
  FakeRegistry::Options options = login(FakeRegistry::Login::token);
  options.anonymous_pull = true;
  FakeRegistry fake(options);
  fake.put_manifest("team/app", "latest", kManifestType, "{}");
  EXPECT_NO_THROW(
      make_registry_client(options_with(std::nullopt))->fetch_manifest(at(fake.host())));
}

TEST(RegistryAuth, a_refused_login_is_told) {
  FakeRegistry fake(login(FakeRegistry::Login::token));
  const auto client = make_registry_client(options_with(Credentials{"user", "wrong", ""}));
  const Error error = failure_of(*client, at(fake.host()));
  EXPECT_EQ(error.code(), Errc::denied);
  EXPECT_EQ(std::string(error.what()),
            "logging in to " + fake.host() +
                ": UNAUTHORIZED: incorrect username or password (HTTP 401 from http://" +
                fake.host() + "/token)");
}

TEST(RegistryAuth, an_identity_token_is_exchanged_by_post) {
  FakeRegistry::Options options = login(FakeRegistry::Login::token);
  options.refresh_token = "idt";
  FakeRegistry fake(options);
  fake.put_manifest("team/app", "latest", kManifestType, "{}");
  make_registry_client(options_with(Credentials{"", "", "idt"}))->fetch_manifest(at(fake.host()));
  const ServerRequest request = fake.server().requests().at(1);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/token");
  EXPECT_EQ(request.header("content-type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(request.body,
            "grant_type=refresh_token&client_id=cooper&service=fake"
            "&scope=repository%3Ateam%2Fapp%3Apull&refresh_token=idt");
}

TEST(RegistryAuth, threads_share_one_token_request) {
  FakeRegistry fake(login(FakeRegistry::Login::token));
  fake.put_manifest("team/app", "latest", kManifestType, "{}");
  const auto client = make_registry_client(options_with(Credentials{"user", "secret", ""}));
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i)
      threads.emplace_back([&] { client->fetch_manifest(at(fake.host())); });
  }
  EXPECT_EQ(fake.count("GET", "/token"), 1U);
}

// A registry whose 401 carries `challenge`, and whose token server answers `token_body`.
FakeRegistry::Options hostile(const std::string& challenge, const std::string& token_body) {
  FakeRegistry::Options options;
  options.intercept = [=](const ServerRequest& request, int) -> std::optional<ServerResponse> {
    if (request.path == "/token") return ServerResponse{200, {}, token_body};
    std::string value = challenge;
    const std::size_t at = value.find("HOST");
    if (at != std::string::npos) value.replace(at, 4, request.header("host"));
    return ServerResponse{401, {{"WWW-Authenticate", value}}, ""};
  };
  return options;
}

TEST(RegistryAuth, hostile_challenges_and_tokens) {
  const std::string good = R"(Bearer realm="http://HOST/token")";
  const std::pair<std::string, std::string> table[] = {
      {"", "{}"},
      {"Digest realm=x", "{}"},
      {"Bearer", "{}"},
      {R"(Bearer realm="file:///etc/passwd")", "{}"},
      {R"(Bearer realm="not a url")", "{}"},
      {good, ""},
      {good, "[]"},
      {good, R"({"token":""})"},
      {good, R"({"token":5})"},
      {good, R"({"token":"a\r\nX-Evil: 1"})"},
      {good, R"({"token":"a b"})"},
      {good, R"({"token":")" + std::string(70'000, 't') + R"("})"},
  };
  for (const auto& [challenge, token] : table) {
    FakeRegistry fake(hostile(challenge, token));
    const auto client = make_registry_client(options_with(Credentials{"user", "secret", ""}));
    const Errc code = failure_of(*client, at(fake.host())).code();
    EXPECT_TRUE(code == Errc::denied || code == Errc::network) << challenge << token.substr(0, 40);
  }
}

TEST(RegistryAuth, credentials_do_not_travel_in_the_clear) {
  FakeRegistry fake;
  HttpClient http("t");
  Authenticator authenticator(http,
                              [](const std::string&) {
                                return Credentials{"user", "secret", ""};
                              },
                              {});
  const std::vector<Challenge> challenges = {{"bearer", {{"realm", fake.server().url("/token")}}}};
  AuthTarget target{"r.example", "repository:a:pull", {}, false};
  EXPECT_THROW(authenticator.answer(target, challenges, std::nullopt), Error);
  EXPECT_TRUE(fake.server().requests().empty());
}

TEST(RegistryAuth, an_expired_token_is_not_sent) {
  tests::HttpServer server([](const ServerRequest&) {
    return ServerResponse{200, {}, R"({"access_token":"t","expires_in":0})"};
  });
  HttpClient http("t");
  Authenticator authenticator(http, nullptr, {});
  const std::vector<Challenge> challenges = {{"bearer", {{"realm", server.url("/token")}}}};
  const AuthTarget target{server.authority(), "repository:a:pull", {}, true};
  EXPECT_EQ(authenticator.known(target), std::nullopt);  // nobody asked yet
  EXPECT_EQ(authenticator.answer(target, challenges, std::nullopt), "Bearer t");
  EXPECT_EQ(authenticator.known(target), "Bearer t");
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST(RegistryAuth, a_login_is_not_sent_where_a_redirect_leads) {
  tests::HttpServer storage([](const ServerRequest&) {
    return ServerResponse{401, {{"WWW-Authenticate", "Basic realm=x"}}, ""};
  });
  FakeRegistry::Options options = login(FakeRegistry::Login::basic);
  options.tamper = [&](const ServerRequest& request, int, ServerResponse& response) {
    if (response.status == 200) response = {307, {{"Location", storage.url(request.path)}}, ""};
  };
  FakeRegistry fake(options);
  const Descriptor blob = fake.put_blob("team/app", "content");
  const auto client = make_registry_client(options_with(Credentials{"user", "secret", ""}));
  StringSink sink;
  EXPECT_THROW(client->fetch_blob(at(fake.host()), blob, sink), Error);
  ASSERT_FALSE(storage.requests().empty());
  for (const ServerRequest& request : storage.requests())
    EXPECT_EQ(request.header("authorization"), "");
}

}  // namespace
}  // namespace cooper::oci
