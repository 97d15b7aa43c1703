#include "base/once.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/error.h"

namespace cooper {
namespace {

TEST(Once, is_done_by_one_and_seen_by_all) {
  Once once;
  int value = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        once.run([&] { ++value; });
        EXPECT_EQ(value, 1);
      });
    }
  }
  EXPECT_EQ(value, 1);
}

TEST(Once, who_comes_after_a_failure_tries_again) {
  Once once;
  EXPECT_THROW(once.run([] { throw Error(Errc::io, "no"); }), Error);
  bool done = false;
  once.run([&] { done = true; });
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace cooper
