// Shared state that cannot be touched without its lock: guarded.with([](State& s) { … }).
#pragma once

#include <mutex>
#include <utility>

namespace cooper {

template <class Value>
class Guarded {
 public:
  template <class... Args>
  explicit Guarded(Args&&... args) : value_(std::forward<Args>(args)...) {}

  template <class Body>
  decltype(auto) with(Body&& body) {
    const std::lock_guard lock(mutex_);
    return std::forward<Body>(body)(value_);
  }
  template <class Body>
  decltype(auto) with(Body&& body) const {
    const std::lock_guard lock(mutex_);
    return std::forward<Body>(body)(static_cast<const Value&>(value_));
  }

 private:
  mutable std::mutex mutex_;
  Value value_;
};

}  // namespace cooper
