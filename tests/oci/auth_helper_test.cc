#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "base/error.h"
#include "base/temp_dir.h"
#include "oci/credential_helper.h"

namespace cooper::oci {
namespace {

// A helper program docker-credential-test on PATH.
class CredentialHelper : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* path = std::getenv("PATH");
    old_path_ = path == nullptr ? "" : path;
    ::setenv("PATH", (dir_.host_path() + ":" + old_path_).c_str(), 1);
  }
  void TearDown() override { ::setenv("PATH", old_path_.c_str(), 1); }
  void install(const std::string& script) {
    const std::string path = dir_.host_path() + "/docker-credential-test";
    std::ofstream(path) << "#!/bin/sh\n" << script;
    ::chmod(path.c_str(), 0755);
  }

  TempDir dir_ = TempDir::in_host_tmp("helper-");
  std::string old_path_;
};

TEST_F(CredentialHelper, OUT_21_answers_user_and_secret) {
  install(R"(test "$1" = get || exit 9
read key
echo "{\"ServerURL\":\"$key\",\"Username\":\"user-of-$key\",\"Secret\":\"s\"}")");
  const auto found = credentials_from_helper("test", "r.example:5000");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->username, "user-of-r.example:5000");
  EXPECT_EQ(found->password, "s");
  EXPECT_EQ(credentials_from_helper("test", "docker.io")->username,
            "user-of-https://index.docker.io/v1/");
}

TEST_F(CredentialHelper, a_token_user_is_an_identity_token) {
  install(R"(echo '{"ServerURL":"x","Username":"<token>","Secret":"idt"}')");
  const auto found = credentials_from_helper("test", "h");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->username, "");
  EXPECT_EQ(found->identity_token, "idt");
}

TEST_F(CredentialHelper, unknown_registry_is_an_absence) {
  install("echo credentials not found in native keychain; exit 1");
  EXPECT_FALSE(credentials_from_helper("test", "h"));
}

TEST_F(CredentialHelper, failures_are_told) {
  install("echo keychain is locked >&2; echo more >&2; exit 3");
  try {
    credentials_from_helper("test", "h");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::denied);
    EXPECT_STREQ(error.what(), "docker-credential-test failed for h: keychain is locked");
  }
  install("echo '{\"Secret\": \"s3cret\"}'");
  try {
    credentials_from_helper("test", "h");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find("s3cret"), std::string::npos);
  }
  try {
    credentials_from_helper("absent", "h");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::denied);
    EXPECT_NE(std::string(error.what()).find("docker-credential-absent"), std::string::npos);
  }
}

TEST_F(CredentialHelper, names_are_program_suffixes_only) {
  for (const std::string name : {"", "../x", "a/b", "a b", ".", "a;b", "a\nb"}) {
    EXPECT_THROW(credentials_from_helper(name, "h"), Error) << name;
  }
}

}  // namespace
}  // namespace cooper::oci
