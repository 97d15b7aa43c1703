// Challenges and credential files. Logins over the wire are in registry_auth_test.cc.
#include <gtest/gtest.h>

#include "base/error.h"
#include "oci/auth_challenge.h"
#include "oci/auth_config.h"

namespace cooper::oci {
namespace {

using Parameters = std::map<std::string, std::string>;

TEST(AuthChallenge, bearer) {
  const auto found = parse_challenges(
      R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push")");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].scheme, "bearer");
  EXPECT_EQ(found[0].parameters, (Parameters{{"realm", "https://auth.docker.io/token"},
                                             {"service", "registry.docker.io"},
                                             {"scope", "repository:a/b:pull,push"}}));
}

TEST(AuthChallenge, several_in_one_header) {
  const auto found =
      parse_challenges(R"(Negotiate, BASIC realm="a \"b\" c" , Digest a=b, Bearer REALM=x , q="")");
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ(found[0], (Challenge{"negotiate", {}}));
  EXPECT_EQ(found[1], (Challenge{"basic", {{"realm", R"(a "b" c)"}}}));
  EXPECT_EQ(found[2], (Challenge{"digest", {{"a", "b"}}}));
  EXPECT_EQ(found[3], (Challenge{"bearer", {{"realm", "x"}, {"q", ""}}}));
}

TEST(AuthChallenge, token68_belongs_to_its_scheme) {
  const auto found = parse_challenges("Negotiate YWJj/+==, Basic realm=r");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].scheme, "negotiate");
  EXPECT_EQ(found[1], (Challenge{"basic", {{"realm", "r"}}}));
}

struct Hostile {
  std::string header;
  std::size_t understood;
};

TEST(AuthChallenge, hostile_table) {
  const Hostile table[] = {
      {"", 0},
      {",,, ,", 0},
      {"=", 0},
      {"\"", 0},
      {"Bearer realm=\"never closed", 0},
      {"Bearer realm=\"ends with \\", 0},
      {"Bearer realm=\"a\" realm=\"b\"", 0},
      {"Bearer realm=\"a\",realm=\"b\"", 0},  // which of the two?
      {"Bearer realm=\"a\"junk", 0},
      {"Bearer =x", 0},
      {"Bearer\"x\"", 0},
      {"Bearer realm=\"a\", ===", 0},
      {"Basic realm=\"a\", Bearer realm=\"open", 1},
      {"Basic, Bearer", 2},
      {"Bearer realm=\"a\",", 1},
      {"Bearer ,realm=a", 1},
      {std::string("Bearer realm=\"\0\"", 16), 1},
      {std::string(100'000, ','), 0},
      {std::string(100'000, 'a'), 1},
      {"\xff\xfe", 0},
  };
  for (const Hostile& row : table) {
    EXPECT_EQ(parse_challenges(row.header).size(), row.understood) << row.header.substr(0, 60);
  }
}

TEST(AuthConfig, base64_round_trip) {
  for (const std::string text : {"", "a", "ab", "abc", "abcd", "user:pass\xff\x80\x01"}) {
    EXPECT_EQ(decode_base64(encode_base64(text)), text);
  }
  EXPECT_EQ(encode_base64("user:pass"), "dXNlcjpwYXNz");
  EXPECT_EQ(decode_base64("YQ"), "a");  // padding is optional
  for (const char* text : {"a", "a===", "=", "YQ=", "Y Q=", "YQ==YQ==", "YQ-_", "abcde", "YWJj="}) {
    EXPECT_EQ(decode_base64(text), std::nullopt) << text;
  }
}

TEST(AuthConfig, keys_are_normalised) {
  EXPECT_EQ(normalize_registry_key("https://index.docker.io/v1/"), "docker.io");
  EXPECT_EQ(normalize_registry_key("index.docker.io"), "docker.io");
  EXPECT_EQ(normalize_registry_key("registry-1.docker.io"), "docker.io");
  EXPECT_EQ(normalize_registry_key("docker.io"), "docker.io");
  EXPECT_EQ(normalize_registry_key("docker.io/team"), "docker.io/team");
  EXPECT_EQ(normalize_registry_key("https://localhost:5000/v2/"), "localhost:5000");
  EXPECT_EQ(normalize_registry_key("localhost:5000/v2/"), "localhost:5000");
  EXPECT_EQ(normalize_registry_key("http://r.example/some/path"), "r.example");
  EXPECT_EQ(normalize_registry_key("quay.io/team"), "quay.io/team");
  EXPECT_EQ(normalize_registry_key("quay.io/team/v1"), "quay.io/team/v1");
  EXPECT_EQ(normalize_registry_key("quay.io/v1/v2"), "quay.io/v1/v2");
  EXPECT_EQ(normalize_registry_key("index.docker.io.evil"), "index.docker.io.evil");
}

TEST(AuthConfig, OUT_21_docker_config) {
  const CredentialTable table = parse_docker_config(R"({
    "auths": {
      "https://index.docker.io/v1/": {"auth": "dXNlcjpwYTpzcw=="},
      "r.example:5000": {"username": "u", "password": "p"},
      "tok.example": {"auth": "PHRva2VuPjo=", "identitytoken": "idt"},
      "helped.example": {}
    },
    "credHelpers": {"gcr.io": "gcloud", "https://ecr.example": "ecr-login"},
    "credsStore": "desktop", "proxies": {}, "HttpHeaders": {"a": "b"}})",
                                                    "config.json");
  const auto hub = credentials_for(table, "docker.io");
  ASSERT_TRUE(hub);
  EXPECT_EQ(hub->username, "user");
  EXPECT_EQ(hub->password, "pa:ss");
  EXPECT_EQ(credentials_for(table, "r.example:5000")->password, "p");
  EXPECT_EQ(credentials_for(table, "tok.example")->identity_token, "idt");
  EXPECT_FALSE(credentials_for(table, "helped.example"));
  EXPECT_FALSE(credentials_for(table, "r.example"));
  EXPECT_EQ(helper_for(table, "gcr.io"), "gcloud");
  EXPECT_EQ(helper_for(table, "ecr.example"), "ecr-login");
  EXPECT_EQ(helper_for(table, "docker.io"), "desktop");
  EXPECT_EQ(helper_for(CredentialTable{}, "docker.io"), std::nullopt);
}

TEST(AuthConfig, containers_auth_json_prefers_the_longest_namespace) {
  const CredentialTable table = parse_docker_config(R"({"auths": {
    "quay.io": {"auth": "YTox"}, "quay.io/team": {"auth": "Yjoy"}, "quay.io/team/app": {"auth": "Yzoz"}}})",
                                                    "auth.json");
  EXPECT_EQ(credentials_for(table, "quay.io")->username, "a");
  EXPECT_EQ(credentials_for(table, "quay.io/team/other")->username, "b");
  EXPECT_EQ(credentials_for(table, "quay.io/team/app/sub")->username, "c");
  EXPECT_EQ(credentials_for(table, "quay.io/teammate")->username, "a");
  EXPECT_FALSE(credentials_for(table, "evil.quay.io"));
}

TEST(AuthConfig, nothing_configured) {
  EXPECT_TRUE(parse_docker_config("{}", "n").entries.empty());
  EXPECT_TRUE(parse_docker_config(R"({"auths":null,"credHelpers":{},"credsStore":""})", "n")
                  .entries.empty());
}

TEST(AuthConfig, hostile_table) {
  const std::pair<const char*, const char*> table[] = {
      {"", "n is not JSON"},
      {"{\"auths\": {\"h\": {\"auth\": \"c2VjcmV0", "n is not JSON"},
      {"[]", "n is not a JSON object"},
      {"\"s3cret\"", "n is not a JSON object"},
      {R"({"auths": []})", "n: auths: must be an object"},
      {R"({"auths": {"h": "s3cret"}})", "n: auths[h]: must be an object"},
      {R"({"auths": {"h": {"auth": 5}}})", "n: auths[h].auth: must be a string"},
      {R"({"auths": {"h": {"auth": "s3cret!"}}})", "n: auths[h].auth: is not base64"},
      {R"({"auths": {"h": {"auth": "czNjcmV0"}}})", "n: auths[h].auth: holds no user:password"},
      {R"({"auths": {"h": {"password": ["s3cret"]}}})", "n: auths[h].password: must be a string"},
      {R"({"credHelpers": {"h": {}}})", "n: credHelpers[h]: must be a string"},
      {R"({"credsStore": 1})", "n: config.credsStore: must be a string"},
  };
  for (const auto& [json, message] : table) {
    try {
      parse_docker_config(json, "n");
      ADD_FAILURE() << json;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::invalid);
      EXPECT_STREQ(error.what(), message);
    }
  }
}

}  // namespace
}  // namespace cooper::oci
