#include "cmd/registry_config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/temp_dir.h"

namespace cooper::cmd {
namespace {

using Words = std::vector<std::string>;

TEST(RegistriesConf, reads_version_2) {
  const auto rules = parse_registries_conf(
      "unqualified-search-registries = [\"docker.io\"]\n"
      "[[registry]]\nlocation = \"localhost:5000\"\ninsecure = true\n"
      "[[registry]]\nprefix = \"docker.io/library\"\nlocation = \"docker.io/library\"\nblocked = "
      "true\n"
      "[[registry.mirror]]\nlocation = \"mirror.example.com/a\"\n[[registry.mirror]]\nlocation = "
      "\"b\"\n",
      "conf");
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].prefix, "localhost:5000");
  EXPECT_TRUE(rules[0].insecure);
  EXPECT_FALSE(rules[0].blocked);
  EXPECT_EQ(rules[1].prefix, "docker.io/library");
  EXPECT_TRUE(rules[1].blocked);
  EXPECT_EQ(rules[1].mirrors, (Words{"mirror.example.com/a", "b"}));
  EXPECT_TRUE(parse_registries_conf("", "conf").empty());
}

struct BadRow {
  const char* text;
  const char* part;
};

TEST(RegistriesConf, malformed_files_are_refused_with_their_line) {
  const BadRow table[] = {
      {"[[registry]\n", "conf:1: "},
      {"a = 1\na = 2\n", "conf:2: "},
      {"\n[[registry]]\ninsecure = true\n", "conf:2: a [[registry]] needs a prefix or a location"},
      {"[[registry]]\nprefix = 5\n", "conf:2: prefix has the wrong type"},
      {"[[registry]]\nprefix = \"a\"\ninsecure = \"yes\"\n", "conf:3: insecure has the wrong type"},
      {"registry = 5\n", "conf:1: registry must be an array of tables"},
      {"registry = [1]\n", "conf:1: registry must be an array of tables"},
      {"[registry]\nprefix = \"a\"\n", "conf:1: registry must be an array of tables"},
      {"[[registry]]\nprefix = \"a\"\nmirror = \"b\"\n",
       "conf:3: mirror must be an array of tables"},
      {"[[registry]]\nprefix = \"a\"\n[[registry.mirror]]\n", "conf:3: a mirror needs a location"},
  };
  for (const BadRow& row : table) {
    try {
      parse_registries_conf(row.text, "conf");
      ADD_FAILURE() << "accepted: " << row.text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::invalid);
      EXPECT_NE(std::string(error.what()).find(row.part), std::string::npos)
          << row.text << error.what();
    }
  }
}

struct MatchRow {
  const char* reference;
  const char* prefix;  // "" : no rule
};

TEST(RegistriesConf, the_longest_prefix_wins) {
  std::vector<RegistryRule> rules;
  for (const char* prefix : {"docker.io", "docker.io/library", "docker.io/library/busybox",
                             "localhost:5000", "*.example.com", "deep.a.example.com/x"}) {
    rules.emplace_back().prefix = prefix;
  }
  const MatchRow table[] = {{"busybox", "docker.io/library/busybox"},
                            {"busybox2", "docker.io/library"},
                            {"me/app:1", "docker.io"},
                            {"localhost:5000/x", "localhost:5000"},
                            {"localhost:50001/x", ""},
                            {"a.example.com/x", "*.example.com"},
                            {"a.example.com:8443/x", "*.example.com"},
                            {"deep.a.example.com/x/y", "deep.a.example.com/x"},
                            {"example.com/x", ""},
                            {"badexample.com/x", ""},
                            {"other.org/a.example.com/x", ""},
                            {"quay.io/docker.io/x", ""}};
  for (const MatchRow& row : table) {
    const RegistryRule* rule = match_rule(rules, oci::parse_reference(row.reference));
    EXPECT_EQ(rule == nullptr ? "" : rule->prefix, row.prefix) << row.reference;
  }
}

class ConfigFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"COOPER_REGISTRIES_CONF", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE",
                             "XDG_RUNTIME_DIR", "HOME"}) {
      ::unsetenv(name);
    }
    ::setenv("HOME", home_.host_path().c_str(), 1);
  }
  void TearDown() override {
    for (const char* name : {"COOPER_REGISTRIES_CONF", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE"})
      ::unsetenv(name);
  }
  std::string put(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = std::filesystem::path(home_.host_path()) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }

  TempDir home_ = TempDir::in_host_tmp("cooper-config-test-");
};

TEST_F(ConfigFiles, settings_of_the_file_named_by_the_environment) {
  put(".config/containers/registries.conf",
      "[[registry]]\nlocation = \"quay.io\"\nblocked = true\n");
  EXPECT_TRUE(RegistryConfig().settings(oci::parse_reference("quay.io/x")).blocked);
  const std::string named =
      put("mine.conf", "[[registry]]\nlocation = \"quay.io\"\ninsecure = true\n");
  ::setenv("COOPER_REGISTRIES_CONF", named.c_str(), 1);
  RegistryConfig config;
  EXPECT_TRUE(config.settings(oci::parse_reference("quay.io/x")).insecure);
  EXPECT_FALSE(config.settings(oci::parse_reference("quay.io/x")).blocked);
  EXPECT_FALSE(config.settings(oci::parse_reference("busybox")).insecure);
}

TEST_F(ConfigFiles, a_location_that_is_not_the_prefix_is_refused_not_ignored) {
  const std::string named =
      put("mine.conf", "[[registry]]\nprefix = \"quay.io\"\nlocation = \"inside\"\n");
  ::setenv("COOPER_REGISTRIES_CONF", named.c_str(), 1);
  RegistryConfig config;
  try {
    config.settings(oci::parse_reference("quay.io/x"));
    FAIL() << "the location was ignored";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::unsupported);
  }
  EXPECT_NO_THROW(config.settings(oci::parse_reference("busybox")));
}

TEST_F(ConfigFiles, credentials_are_asked_in_order) {
  // "ZG9ja2VyOnB3": docker:pw; "YXV0aDpwdw==": auth:pw.
  put(".docker/config.json", R"({"auths":{"a.org":{"auth":"ZG9ja2VyOnB3"}}})");
  put(".config/containers/auth.json",
      R"({"auths":{"a.org":{"auth":"YXV0aDpwdw=="},"b.org":{"auth":"YXV0aDpwdw=="}}})");
  RegistryConfig config;
  EXPECT_EQ(config.credentials("a.org")->username, "docker");
  EXPECT_EQ(config.credentials("b.org")->username, "auth");
  EXPECT_FALSE(config.credentials("c.org"));
  ::setenv("REGISTRY_AUTH_FILE", put("empty.json", "{}").c_str(), 1);
  EXPECT_FALSE(RegistryConfig().credentials("b.org"));
}

}  // namespace
}  // namespace cooper::cmd
