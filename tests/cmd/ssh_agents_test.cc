#include "cmd/ssh_agents.h"

#include <gtest/gtest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/child_process.h"
#include "base/error.h"
#include "base/temp_dir.h"
#include "builder/ssh_proxy.h"

namespace cooper::cmd {
namespace {

class SshFlags : public ::testing::Test {
 protected:
  void SetUp() override { ::unsetenv("SSH_AUTH_SOCK"); }
  std::string path(const std::string& name) const { return home_.host_path() + "/" + name; }
  std::string key(const std::string& name, const std::string& passphrase = "", const std::string& kind = "ed25519") const {
    SpawnOptions options;
    options.argv = {"ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", path(name)};
    EXPECT_TRUE(run_program(options).status.success());
    return path(name);
  }
  static std::string refusal(const std::vector<std::string>& flags) {
    try {
      SshAgents agents(flags);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  static std::string listed(const std::string& socket) {
    SpawnOptions options;
    options.argv = {"ssh-add", "-l"};
    options.environment = std::vector<std::string>{"SSH_AUTH_SOCK=" + socket};
    return run_program(options).standard_output;
  }

  TempDir home_ = TempDir::in_host_tmp("cooper-ssh-test-");
};

#define EXPECT_REFUSED(flags, part) EXPECT_NE(refusal flags.find(part), std::string::npos) << refusal flags

TEST_F(SshFlags, SEC_02_default_is_our_own_agent) {
  EXPECT_REFUSED(({"default"}), "SSH_AUTH_SOCK");
  const SshAgents other({"id=" + key("k")});
  SshAgents keys({"id=" + path("k")});
  const std::string socket = *keys.find("id");
  ::setenv("SSH_AUTH_SOCK", socket.c_str(), 1);
  SshAgents agents({"default", "named"});
  EXPECT_EQ(agents.find("default"), socket);
  EXPECT_EQ(agents.find("named"), socket);
  EXPECT_EQ(agents.find("other"), std::nullopt);
  EXPECT_EQ(SshAgents({"x=" + socket}).find("x"), socket);
  EXPECT_REFUSED(({"x=" + socket + "," + socket}), "only single socket allowed");
  EXPECT_REFUSED(({"x=" + socket + "," + path("k")}), "invalid combination of keys and sockets");
  EXPECT_REFUSED(({"default", "default"}), "duplicate agent ID \"default\"");
}

TEST_F(SshFlags, SEC_02_key_files_get_an_agent_that_goes_with_us) {
  std::string socket;
  {
    SshAgents agents({"id=" + key("one") + "," + key("two", "", "ecdsa")});
    socket = *agents.find("id");
    EXPECT_EQ(agents.find("id"), socket);
    const std::string list = listed(socket);
    EXPECT_NE(list.find("ED25519"), std::string::npos) << list;
    EXPECT_NE(list.find("ECDSA"), std::string::npos) << list;
    EXPECT_NO_THROW(builder::connect_to_agent(socket));
  }
  EXPECT_FALSE(std::filesystem::exists(socket));
  EXPECT_THROW(builder::connect_to_agent(socket), Error);
}

TEST_F(SshFlags, SEC_02_the_agent_ends_when_we_are_killed) {
  const std::string file = key("k");
  int told[2];
  ASSERT_EQ(::pipe2(told, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    SshAgents agents({"id=" + file});
    const std::string socket = *agents.find("id");
    static_cast<void>(::write(told[1], socket.data(), socket.size()));
    ::pause();
    ::_exit(0);
  }
  char text[256] = {};
  ASSERT_GT(::read(told[0], text, sizeof text - 1), 0);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  for (int i = 0; i < 200 && !listed(text).empty(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(listed(text), "");
  std::filesystem::remove_all(std::filesystem::path(text).parent_path());
}

TEST_F(SshFlags, SEC_02_passphrases_are_refused) {
  EXPECT_REFUSED(({"id=" + key("open-ssh", "secret words")}), "passphrase protected");
  EXPECT_TRUE(key_is_encrypted("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n", "k"));
  EXPECT_TRUE(key_is_encrypted("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n", "k"));
  EXPECT_FALSE(key_is_encrypted("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n", "k"));
}

TEST_F(SshFlags, SEC_02_what_is_no_key_is_refused) {
  std::ofstream(path("text")) << "hello";
  EXPECT_REFUSED(({"id=" + path("text")}), "no private key found");
  EXPECT_REFUSED(({"id=" + path("missing")}), "failed to stat");
  EXPECT_REFUSED(({"id=" + path("text") + ",raw=true"}), "no private key");
  EXPECT_REFUSED(({"id=raw=true"}), "raw is not supported");
}

}  // namespace
}  // namespace cooper::cmd
