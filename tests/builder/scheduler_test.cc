#include "builder/scheduler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <latch>
#include <mutex>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/guarded.h"

namespace cooper::builder {
namespace {

using Order = std::vector<std::size_t>;

// Waits until a stop is requested.
void wait_for(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, stop, [] { return false; });
}

TEST(Scheduler, inputs_come_first_and_every_node_once) {
  const std::vector<DagNode> nodes = {
      {{}, false}, {{0}, false}, {{0}, false}, {{1, 2}, false}, {{3, 0}, false}};
  Guarded<Order> order;
  run_dag(nodes, {}, [&](std::size_t node, const std::stop_token&) {
    order.with([&](Order& list) {
      for (const std::size_t input : nodes[node].inputs) {
        EXPECT_NE(std::find(list.begin(), list.end(), input), list.end())
            << node << " before " << input;
      }
      list.push_back(node);
    });
  });
  Order sorted = order.with([](Order& list) { return list; });
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, (Order{0, 1, 2, 3, 4}));
}

TEST(Scheduler, nothing_to_do) {
  const auto never = [](std::size_t, const std::stop_token&) { FAIL(); };
  run_dag({}, {}, never);
  run_dag({{{}, true}, {{0}, true}}, {}, never);
}

TEST(Scheduler, done_nodes_are_not_run_and_count_as_finished) {
  Guarded<Order> order;
  run_dag({{{}, true}, {{0}, false}, {{1}, true}, {{1, 2}, false}}, {},
          [&](std::size_t node, const std::stop_token&) {
            order.with([&](Order& list) { list.push_back(node); });
          });
  EXPECT_EQ(order.with([](Order& list) { return list; }), (Order{1, 3}));
}

TEST(Scheduler, independent_nodes_run_at_the_same_time) {
  std::latch both(2);  // hangs unless each waits for the other
  run_dag({{{}, false}, {{}, false}}, {},
          [&](std::size_t, const std::stop_token&) { both.arrive_and_wait(); });
}

TEST(Scheduler, followers_of_one_node_run_at_the_same_time) {
  std::latch all(8);
  std::vector<DagNode> nodes(9);
  for (std::size_t i = 1; i < nodes.size(); ++i) nodes[i].inputs = {0};
  run_dag(nodes, {}, [&](std::size_t node, const std::stop_token&) {
    if (node != 0) all.arrive_and_wait();
  });
}

TEST(Scheduler, a_chain_of_1000_runs_in_order_on_one_thread) {
  std::vector<DagNode> nodes(1000);
  for (std::size_t i = 1; i < nodes.size(); ++i) nodes[i].inputs = {i - 1};
  std::set<std::thread::id> threads;
  std::size_t next = 0;
  run_dag(nodes, {}, [&](std::size_t node, const std::stop_token&) {
    EXPECT_EQ(node, next++);
    threads.insert(std::this_thread::get_id());
  });
  EXPECT_EQ(next, 1000U);
  EXPECT_EQ(threads.size(), 1U);
}

TEST(Scheduler, more_ready_nodes_than_workers) {
  const std::vector<DagNode> nodes(4 * kMaxWorkers);
  std::atomic<std::size_t> count = 0;
  Guarded<std::set<std::thread::id>> threads;
  run_dag(nodes, {}, [&](std::size_t, const std::stop_token&) {
    ++count;
    threads.with([](auto& set) { set.insert(std::this_thread::get_id()); });
  });
  EXPECT_EQ(count, nodes.size());
  EXPECT_LE(threads.with([](auto& set) { return set.size(); }), kMaxWorkers);
}

TEST(Scheduler, ERR_06_the_first_failure_stops_the_rest_and_is_rethrown) {
  std::latch running(2);
  std::atomic<bool> follower_ran = false;
  try {
    run_dag({{{}, false}, {{}, false}, {{0}, false}, {{1}, false}}, {},
            [&](std::size_t node, const std::stop_token& stop) {
              if (node >= 2) follower_ran = true;
              running.arrive_and_wait();
              if (node == 0) throw Error(Errc::step_failed, "first");
              wait_for(stop);
              throw Error(Errc::cancelled, "second");
            });
    FAIL() << "no failure";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::step_failed);
    EXPECT_STREQ(error.what(), "first");
  }
  EXPECT_FALSE(follower_ran);
}

TEST(Scheduler, failures_that_are_no_errors_are_rethrown_too) {
  EXPECT_THROW(run_dag({{{}, false}}, {}, [](std::size_t, const std::stop_token&) { throw 5; }),
               int);
}

TEST(Scheduler, ERR_06_a_request_from_outside_cancels) {
  std::stop_source outside;
  std::atomic<bool> follower_ran = false;
  try {
    run_dag({{{}, false}, {{0}, false}}, outside.get_token(),
            [&](std::size_t node, const std::stop_token& stop) {
              if (node == 1) follower_ran = true;
              outside.request_stop();
              wait_for(stop);
            });
    FAIL() << "no failure";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::cancelled);
  }
  EXPECT_FALSE(follower_ran);
}

TEST(Scheduler, a_request_before_the_start_runs_nothing) {
  std::stop_source outside;
  outside.request_stop();
  EXPECT_THROW(run_dag({{{}, false}}, outside.get_token(),
                       [](std::size_t, const std::stop_token&) { FAIL(); }),
               Error);
}

}  // namespace
}  // namespace cooper::builder
