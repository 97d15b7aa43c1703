#include "parser/stop_signal.h"

#include <gtest/gtest.h>

#include "tests/parser/expect_error.h"

namespace cooper::parser {
namespace {

TEST(StopSignal, STOP_01) {
  for (const char* good :
       {"SIGTERM", "TERM", "sigterm", "9", "64", "RTMIN", "RTMIN+3", "SIGRTMAX-14", "USR1", "-1"}) {
    EXPECT_EQ(error_of([good] { check_stop_signal(good); }), "no error") << good;
  }
  for (const char* bad : {"", "0", "SIGNOPE", "SIG", "RTMIN+0", "RTMIN+16", "RTMAX-15", "9x",
                          "SIG TERM", "99999999999"}) {
    EXPECT_EQ(error_of([bad] { check_stop_signal(bad); }), std::string("invalid signal: ") + bad);
  }
}

}  // namespace
}  // namespace cooper::parser
