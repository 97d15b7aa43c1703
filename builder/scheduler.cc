#include "builder/scheduler.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/stop.h"

namespace cooper::builder {
namespace {

class DagRun {
 public:
  DagRun(const std::vector<DagNode>& nodes, const std::function<void(std::size_t, std::stop_token)>& work)
      : work_(work), missing_(nodes.size()), followers_(nodes.size()) {
    for (std::size_t node = 0; node < nodes.size(); ++node) {
      if (nodes[node].done) continue;
      ++unfinished_;
      for (const std::size_t input : nodes[node].inputs) {
        if (nodes[input].done) continue;
        ++missing_[node];
        followers_[input].push_back(node);
      }
      if (missing_[node] == 0) ready_.push_back(node);
    }
  }

  void run(std::stop_token outside) {
    const std::stop_callback forward(outside, [this] { cancel(); });
    {
      std::unique_lock lock(mutex_);
      start_workers();
      rested_.wait(lock, [this] { return running_ == 0 && (ready_.empty() || stopping()); });
    }
    for (std::jthread& worker : workers_) worker.join();
    if (failure_) std::rethrow_exception(failure_);
    end_if_stopped(outside);
  }

 private:
  bool stopping() const { return stop_.stop_requested(); }

  void cancel() {
    stop_.request_stop();
    // The empty critical section orders the request before the check of anybody about to wait.
    { const std::lock_guard lock(mutex_); }
    wake_.notify_all();
    rested_.notify_all();
  }

  // Precondition: the lock is held. One worker per ready node that nobody is free to take; where the system gives no
  // more threads (RLIMIT_NPROC, a pids cgroup), those there are take one after the other.
  void start_workers() {
    while (idle_ < ready_.size() && workers_.size() < kMaxWorkers && !stopping()) {
      try {
        workers_.emplace_back([this] { serve(); });
      } catch (const std::system_error&) {
        if (workers_.empty()) throw;
        return;
      }
      ++idle_;
    }
  }

  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return !ready_.empty() || unfinished_ == 0 || stopping(); });
      if (stopping() || unfinished_ == 0) return;
      const std::size_t node = ready_.front();
      ready_.pop_front();
      --idle_;
      ++running_;
      lock.unlock();
      const bool ok = perform(node);
      lock.lock();
      --running_;
      ++idle_;
      if (ok) finish(node);
      if (running_ == 0) rested_.notify_all();
    }
  }

  bool perform(std::size_t node) {
    try {
      work_(node, stop_.get_token());
      return true;
    } catch (...) {  // every kind of failure stops the run and is rethrown by run()
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
    cancel();
    return false;
  }

  // Precondition: the lock is held.
  void finish(std::size_t node) {
    --unfinished_;
    for (const std::size_t follower : followers_[node]) {
      if (--missing_[follower] == 0) ready_.push_back(follower);
    }
    start_workers();
    if (unfinished_ == 0 || ready_.size() > 1) wake_.notify_all();
  }

  const std::function<void(std::size_t, std::stop_token)>& work_;
  std::mutex mutex_;
  std::condition_variable wake_;    // workers: something is ready, or all is over
  std::condition_variable rested_;  // run(): nothing runs any more
  std::deque<std::size_t> ready_;
  std::vector<std::size_t> missing_;
  std::vector<std::vector<std::size_t>> followers_;
  std::size_t unfinished_ = 0;
  std::size_t running_ = 0;
  std::size_t idle_ = 0;
  std::exception_ptr failure_;
  std::stop_source stop_;
  std::vector<std::jthread> workers_;
};

}  // namespace

void run_dag(const std::vector<DagNode>& nodes, std::stop_token outside,
             const std::function<void(std::size_t node, std::stop_token stop)>& work) {
  DagRun(nodes, work).run(std::move(outside));
}

}  // namespace cooper::builder
