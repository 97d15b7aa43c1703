#include "builder/ssh_proxy.h"

#include <array>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "base/error.h"
#include "base/guarded.h"
#include "base/temp_dir.h"

namespace cooper::builder {
namespace {

std::string message(unsigned char type, const std::string& body = "") {
  return std::string(1, static_cast<char>(type)) + body;
}

TEST(AgentFilter, SEC_03_only_listing_and_signing_pass) {
  for (unsigned type = 0; type < 256; ++type) {
    const bool allowed = type == 11 || type == 13;
    EXPECT_EQ(agent_request_allowed(message(static_cast<unsigned char>(type))), allowed) << type;
  }
  EXPECT_FALSE(agent_request_allowed(""));
  EXPECT_FALSE(agent_request_allowed(message(11, "more"))) << "a list request has no body";
}

TEST(AgentFilter, SEC_03_answers_must_fit_the_question) {
  const std::string list = message(11);
  const std::string sign = message(13, "x");
  EXPECT_TRUE(agent_answer_allowed(list, message(12, "keys")));
  EXPECT_TRUE(agent_answer_allowed(sign, message(14, "signature")));
  EXPECT_TRUE(agent_answer_allowed(sign, message(5)));
  EXPECT_FALSE(agent_answer_allowed(list, message(14)));
  EXPECT_FALSE(agent_answer_allowed(sign, message(12)));
  EXPECT_FALSE(agent_answer_allowed(sign, message(6)));
  EXPECT_FALSE(agent_answer_allowed(sign, ""));
}

void send_bytes(int fd, const std::string& bytes) {
  ASSERT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

std::string framed(const std::string& text) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(text.size() >> shift & 0xff);
  return bytes + text;
}

// "" at the end of the connection.
std::string receive(int fd) {
  unsigned char length[4];
  if (::recv(fd, length, 4, MSG_WAITALL) != 4) return "";
  std::string text(static_cast<std::size_t>(length[2]) << 8 | length[3], '\0');
  if (::recv(fd, text.data(), text.size(), MSG_WAITALL) != static_cast<ssize_t>(text.size())) return "";
  return text;
}

// An agent that answers as told, and remembers what it was asked.
class FakeAgent {
 public:
  std::string answer_to_list = message(12, "keys");

  UniqueFd connect() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw_errno("making", "a pair");
    std::jthread serving([this, fd = UniqueFd(ends[0])] {
      for (std::string asked = receive(fd.get()); !asked.empty(); asked = receive(fd.get())) {
        asked_.with([&](auto& all) { all.push_back(asked); });
        send_bytes(fd.get(), framed(asked[0] == 11 ? answer_to_list : message(14, "signed " + asked.substr(1))));
      }
    });
    threads_.with([&](auto& all) { all.push_back(std::move(serving)); });
    return UniqueFd(ends[1]);
  }
  std::vector<std::string> asked() {
    return asked_.with([](const auto& all) { return all; });
  }

 private:
  Guarded<std::vector<std::string>> asked_;
  Guarded<std::vector<std::jthread>> threads_;
};

class Proxy : public ::testing::Test {
 protected:
  UniqueFd dial() const { return connect_to_agent(dir_.host_path() + "/s"); }
  static std::string ask(int fd, const std::string& text) {
    send_bytes(fd, framed(text));
    return receive(fd);
  }

  FakeAgent agent_;
  TempDir dir_ = TempDir::in_host_tmp("cooper-proxy-");
  std::optional<SshProxy> proxy_{std::in_place, dir_.dir(), "s", [this] { return agent_.connect(); }};
};

TEST_F(Proxy, SEC_03_lists_signs_and_refuses_the_rest_without_asking) {
  const UniqueFd fd = dial();
  EXPECT_EQ(ask(fd.get(), message(11)), message(12, "keys"));
  constexpr std::array<unsigned char, 7> kRefused = {17, 18, 19, 22, 23, 25, 27};
  for (const unsigned char refused : kRefused) {
    EXPECT_EQ(ask(fd.get(), message(refused, "body")), message(5));
  }
  EXPECT_EQ(ask(fd.get(), message(13, "data")), message(14, "signed data"));
  EXPECT_EQ(agent_.asked(), (std::vector<std::string>{message(11), message(13, "data")}));
}

TEST_F(Proxy, SEC_03_messages_are_bounded) {
  const UniqueFd fd = dial();
  send_bytes(fd.get(), std::string("\x7f\xff\xff\xff\x0d", 5));
  EXPECT_EQ(receive(fd.get()), "");
  EXPECT_TRUE(agent_.asked().empty());
  EXPECT_EQ(ask(dial().get(), message(11)), message(12, "keys")) << "others are not disturbed";
}

TEST_F(Proxy, an_answer_that_does_not_fit_is_a_failure_and_the_end) {
  agent_.answer_to_list = message(28, "secret");
  const UniqueFd fd = dial();
  EXPECT_EQ(ask(fd.get(), message(11)), message(5));
  EXPECT_EQ(receive(fd.get()), "");
}

TEST_F(Proxy, several_at_once) {
  const UniqueFd first = dial();
  const UniqueFd second = dial();
  EXPECT_EQ(ask(second.get(), message(13, "2")), message(14, "signed 2"));
  EXPECT_EQ(ask(first.get(), message(13, "1")), message(14, "signed 1"));
}

TEST_F(Proxy, ends_with_its_owner_whoever_is_connected) {
  const UniqueFd idle = dial();
  const UniqueFd half = dial();
  send_bytes(half.get(), std::string("\0\0", 2));
  proxy_.reset();
  EXPECT_EQ(receive(idle.get()), "");
  EXPECT_THROW(dial(), SysError);
}

TEST(ProxyWithoutAgent, closes_the_connection) {
  const TempDir dir = TempDir::in_host_tmp("cooper-proxy-");
  const SshProxy proxy(dir.dir(), "s", [] { return connect_to_agent("/nowhere/agent"); });
  const UniqueFd fd = connect_to_agent(dir.host_path() + "/s");
  EXPECT_EQ(receive(fd.get()), "");
}

}  // namespace
}  // namespace cooper::builder
