#include "cache/step_lock.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "base/error.h"
#include "cache/file_lock.h"
#include "cache/layout.h"

namespace cooper::cache {
namespace {

class FileStepLock final : public StepLock {
 public:
  FileStepLock(const Dir& root, TreePath path, LockedFile file)
      : root_(root.duplicate()), path_(std::move(path)), file_(std::move(file)) {}
  // The file goes while its lock is still held: a waiter then finds that it locked a file without a
  // name, and starts over with whatever has the name by then.
  ~FileStepLock() override {
    try {
      root_.unlink(path_);
    } catch (const Error&) {
      // An empty file stays behind; the lock itself is let go below.
    }
  }

 private:
  Dir root_;
  TreePath path_;
  LockedFile file_;
};

bool has_name(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw_errno("looking at", "a step's lock");
  return status.st_nlink > 0;
}

void check_stop(const std::stop_token& stop) {
  if (stop.stop_requested()) {
    throw Error(Errc::cancelled, "cancelled while waiting for another build of the same step");
  }
}

// Sleeps; wakes at once when stop is requested.
void pause(std::chrono::milliseconds delay, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, delay, [] { return false; });
}

}  // namespace

std::unique_ptr<StepLock> wait_for_step_lock(const Dir& root, const StepKey& key,
                                             const std::stop_token& stop) {
  constexpr std::chrono::milliseconds kFirst(1);
  constexpr std::chrono::milliseconds kLongest(50);
  const std::string name = "step-" + key.hex();
  // Waited for by trying again, as flock(2) itself cannot be woken by a stop_token.
  for (std::chrono::milliseconds delay = kFirst;; delay = std::min(delay * 2, kLongest)) {
    check_stop(stop);
    UniqueFd file = open_lock(root, name);
    std::optional<FileLock> lock = FileLock::try_lock(file.get(), LockMode::exclusive);
    if (!lock) {
      pause(delay, stop);
      continue;
    }
    if (!has_name(file.get())) continue;
    const TreePath path = layout::path(layout::kLocks).child(name);
    return std::make_unique<FileStepLock>(root, path,
                                          LockedFile{std::move(file), std::move(*lock)});
  }
}

}  // namespace cooper::cache
