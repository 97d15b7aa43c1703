// Waiting by trying again, for what cannot be woken by a stop_token (flock(2)).
#pragma once

#include <algorithm>
#include <chrono>
#include <stop_token>

namespace cooper::cache {

// Sleeps; wakes at once when stop is requested, and then throws Error(cancelled) "cancelled while
// waiting for …".
void pause_before_retry(std::chrono::milliseconds delay, const std::stop_token& stop,
                        const char* waiting_for);

// Calls attempt() until its result is true in a condition, and returns that.
template <class Attempt>
auto retry(const std::stop_token& stop, const char* waiting_for, const Attempt& attempt) {
  constexpr std::chrono::milliseconds kFirst(1);
  constexpr std::chrono::milliseconds kLongest(50);
  for (std::chrono::milliseconds delay = kFirst;; delay = std::min(delay * 2, kLongest)) {
    if (auto result = attempt()) return result;
    pause_before_retry(delay, stop, waiting_for);
  }
}

}  // namespace cooper::cache
