#include "cache/step_lock.h"

#include <sys/stat.h>

#include "base/error.h"
#include "base/stop.h"
#include "cache/file_lock.h"
#include "cache/layout.h"
#include "cache/retry.h"

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

}  // namespace

std::unique_ptr<StepLock> wait_for_step_lock(const Dir& root, const StepKey& key,
                                             const std::stop_token& stop) {
  const std::string name = "step-" + key.hex();
  constexpr const char* kWaitingFor = "another build of the same step";
  end_if_stopped(stop);
  return retry(stop, kWaitingFor, [&]() -> std::unique_ptr<StepLock> {
    UniqueFd file = open_lock(root, name);
    std::optional<FileLock> lock = FileLock::try_lock(file.get(), LockMode::exclusive);
    if (!lock || !has_name(file.get())) return nullptr;
    const TreePath path = layout::path(layout::kLocks).child(name);
    return std::make_unique<FileStepLock>(root, path,
                                          LockedFile{std::move(file), std::move(*lock)});
  });
}

}  // namespace cooper::cache
