#include "cache/retry.h"

#include <condition_variable>
#include <mutex>

#include "base/error.h"

namespace cooper::cache {

void pause_before_retry(std::chrono::milliseconds delay, const std::stop_token& stop,
                        const char* waiting_for) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, delay, [] { return false; });
  if (stop.stop_requested()) {
    throw Error(Errc::cancelled, cat("cancelled while waiting for ", waiting_for));
  }
}

}  // namespace cooper::cache
