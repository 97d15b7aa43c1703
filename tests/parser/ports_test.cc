#include "parser/ports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/parser/expect_error.h"

namespace cooper::parser {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Ports, EXPOSE_01_forms) {
  EXPECT_THAT(parse_ports("80").ports, ElementsAre("80/tcp"));
  EXPECT_THAT(parse_ports("80/udp").ports, ElementsAre("80/udp"));
  EXPECT_THAT(parse_ports("80/").ports, ElementsAre("80/tcp"));
  EXPECT_THAT(parse_ports("0080/sctp").ports, ElementsAre("80/sctp"));
  EXPECT_THAT(parse_ports("8000-8002/udp").ports, ElementsAre("8000/udp", "8001/udp", "8002/udp"));
  EXPECT_THAT(parse_ports("7-7").ports, ElementsAre("7/tcp"));
  EXPECT_EQ(parse_ports("0-65535").ports.size(), 65536U);
}

TEST(Ports, EXPOSE_02_host_part_is_dropped) {
  for (const char* word :
       {"1.2.3.4:80:90", "80:90", "[::1]:80:90", ":90", "80-90:90", "1.2.3.4::90"}) {
    EXPECT_THAT(parse_ports(word).ports, ElementsAre("90/tcp")) << word;
  }
  EXPECT_TRUE(parse_ports("80:90").has_host_part);
  EXPECT_FALSE(parse_ports("90").has_host_part);
}

TEST(Ports, EXPOSE_05_protocol_case) {
  EXPECT_THAT(parse_ports("80/TcP").ports, ElementsAre("80/tcp"));
  EXPECT_TRUE(parse_ports("80/TcP").odd_protocol_case);
  EXPECT_FALSE(parse_ports("80/tcp").odd_protocol_case);
}

TEST(Ports, EXPOSE_03_errors) {
  const std::vector<std::pair<std::string, std::string>> failures = {
      {"x", "invalid containerPort"},
      {"", "invalid containerPort"},
      {"65536", "invalid containerPort"},
      {"-1", "invalid containerPort"},
      {"9-8", "invalid containerPort"},
      {"1-2-3", "invalid containerPort"},
      {"+80", "invalid containerPort"},
      {"80/icmp", "invalid proto: icmp"},
      {"80-81:90-92", "invalid ranges specified"},
      {"x:90", "invalid hostPort: x"},
      {"host:80:90", "invalid IP address: host"}};
  for (const auto& [word, message] : failures) {
    EXPECT_THAT(error_of([&] { parse_ports(word); }), HasSubstr(message)) << word;
  }
}

}  // namespace
}  // namespace cooper::parser
