// Step locks: cache/step_lock.cc.
#include <signal.h>

#include <atomic>
#include <thread>

#include "base/unique_fd.h"
#include "tests/cache/store_fixture.h"

namespace cooper::cache {
namespace {

using ::testing::IsEmpty;
using StepLocking = StoreTest;

std::vector<std::string> step_locks(const std::vector<std::string>& names) {
  std::vector<std::string> found;
  for (const std::string& name : names) {
    if (name.starts_with("step-")) found.push_back(name);
  }
  return found;
}

TEST_F(StepLocking, threads_hold_it_one_at_a_time_and_leave_no_file) {
  const auto store = open();
  std::atomic<int> inside{0};
  std::atomic<int> worst{0};
  int counter = 0;  // unguarded on purpose: the lock guards it
  constexpr int kThreads = 4;
  constexpr int kRounds = 25;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < kRounds; ++i) {
          const auto lock = store->lock_step(key_of("step"), {});
          worst = std::max(worst.load(), ++inside);
          ++counter;
          --inside;
        }
      });
    }
  }
  EXPECT_EQ(worst, 1);
  EXPECT_EQ(counter, kThreads * kRounds);
  EXPECT_THAT(step_locks(names_in("locks")), IsEmpty());
}

TEST_F(StepLocking, processes_hold_it_one_at_a_time) {
  write_file(path().parent_path() / "counter", "0");
  const fs::path counter = path().parent_path() / "counter";
  constexpr int kProcesses = 4;
  constexpr int kRounds = 15;
  in_processes(kProcesses, [&](int) {
    const auto store = open();
    for (int i = 0; i < kRounds; ++i) {
      const auto lock = store->lock_step(key_of("step"), {});
      int value = 0;
      std::ifstream(counter) >> value;
      std::ofstream(counter) << value + 1;
    }
    return 0;
  });
  int value = 0;
  std::ifstream(counter) >> value;
  EXPECT_EQ(value, kProcesses * kRounds);
}

TEST_F(StepLocking, different_steps_do_not_wait_for_each_other) {
  const auto store = open();
  const auto one = store->lock_step(key_of("one"), {});
  const auto two = store->lock_step(key_of("two"), {});
  EXPECT_EQ(step_locks(names_in("locks")).size(), 2U);
}

TEST_F(StepLocking, waiting_ends_when_stop_is_requested) {
  const auto store = open();
  const auto held = store->lock_step(key_of("step"), {});
  std::jthread waiter([&](const std::stop_token& stop) {
    expect_error(Errc::cancelled, "", [&] { store->lock_step(key_of("step"), stop); });
  });
  waiter.request_stop();
  waiter.join();
}

TEST_F(StepLocking, dies_with_its_process) {
  const auto store = open();
  Pipe locked = make_pipe();
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = open()->lock_step(key_of("step"), {});
    if (::write(locked.write_end.get(), "x", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(locked.read_end.get(), &byte, 1), 1);
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(store->lock_step(key_of("step"), {}));
}

}  // namespace
}  // namespace cooper::cache
