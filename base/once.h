// Something done by whoever needs it first; others wait, and see what it did. If it throws, whoever
// comes next tries again. (std::call_once ends the process instead where the unwinder is linked in
// statically, as glibc's pthread_once unwinds with another one.)
#pragma once

#include <atomic>
#include <mutex>
#include <utility>

namespace cooper {

class Once {
 public:
  template <class Body>
  void run(Body&& body) {
    if (done_.load(std::memory_order_acquire)) return;
    const std::lock_guard lock(mutex_);
    if (done_.load(std::memory_order_relaxed)) return;
    std::forward<Body>(body)();
    done_.store(true, std::memory_order_release);
  }

 private:
  std::atomic<bool> done_{false};
  std::mutex mutex_;
};

}  // namespace cooper
