#include "cmd/secrets.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/temp_dir.h"

namespace cooper::cmd {
namespace {

namespace fs = std::filesystem;

class SecretFlags : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text) const {
    const std::string path = home_.host_path() + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  static std::string refusal(const std::string& flag) {
    try {
      Secrets secrets({flag});
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  TempDir home_ = TempDir::in_host_tmp("cooper-secrets-");
};

TEST_F(SecretFlags, SEC_01_files_and_variables) {
  ::setenv("COOPER_TEST_SECRET", "from the environment", 1);
  const std::string path = file("f", std::string("bytes\0\n", 7));
  const Secrets secrets({"id=a,src=" + path, "id=b,env=COOPER_TEST_SECRET", "id=COOPER_TEST_SECRET",
                         "id=c,type=env,source=COOPER_TEST_SECRET", "type=file,id=d,source=" + path,
                         "id=e,env=COOPER_TEST_NOT_SET", "\"id=f\",\"src=" + path + "\""});
  EXPECT_EQ(secrets.find("a"), std::string("bytes\0\n", 7));
  for (const char* id : {"b", "c", "COOPER_TEST_SECRET"}) EXPECT_EQ(secrets.find(id), "from the environment") << id;
  EXPECT_EQ(secrets.find("d"), secrets.find("a"));
  EXPECT_EQ(secrets.find("e"), "");
  EXPECT_EQ(secrets.find("f"), secrets.find("a"));
  EXPECT_EQ(secrets.find("x"), std::nullopt);
  ::unsetenv("COOPER_TEST_SECRET");
}

TEST_F(SecretFlags, SEC_01_with_neither_the_id_is_a_file) {
  const std::string path = file("f", "x");
  EXPECT_EQ(Secrets({"id=" + path}).find(path), "x");
}

TEST_F(SecretFlags, SEC_01_read_when_asked_for) {
  const std::string path = file("f", "old");
  const Secrets secrets({"id=a,src=" + path});
  file("f", "new");
  EXPECT_EQ(secrets.find("a"), "new");
}

TEST_F(SecretFlags, SEC_01_refusals) {
  EXPECT_NE(refusal("src=/x").find("secret missing ID"), std::string::npos);
  EXPECT_NE(refusal("id=a,src=/nowhere/x").find("failed to stat /nowhere/x"), std::string::npos);
  EXPECT_NE(refusal("id=a,type=socket").find("unsupported secret type \"socket\""), std::string::npos);
  EXPECT_NE(refusal("id=a,b=c").find("unexpected key 'b' in 'b=c'"), std::string::npos);
  EXPECT_NE(refusal("a").find("invalid field 'a'"), std::string::npos);
}

TEST_F(SecretFlags, SEC_01_500_KiB_at_most) {
  const std::string path = file("f", std::string(500 * 1024, 'x'));
  const Secrets fits({"id=a,src=" + path});
  EXPECT_EQ(fits.find("a")->size(), 500U * 1024);
  file("f", std::string(500 * 1024 + 1, 'x'));
  EXPECT_NE(refusal("id=a,src=" + path).find("secret a too big. max size 500KB"), std::string::npos);
  EXPECT_THROW(fits.find("a"), Error);
}

}  // namespace
}  // namespace cooper::cmd
