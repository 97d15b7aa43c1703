#include "cache/disk_usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace cooper::cache {
namespace {

constexpr std::size_t kMaxDepth = 256;
constexpr std::uint64_t kBlockBytes = 512;  // st_blocks, whatever the file system's own

struct CloseDir {
  void operator()(DIR* stream) const noexcept { ::closedir(stream); }
};
using DirStream = std::unique_ptr<DIR, CloseDir>;

DirStream open_stream(UniqueFd fd) {
  DIR* stream = ::fdopendir(fd.get());
  if (stream == nullptr) throw_errno("listing", "a directory of the store");
  (void)fd.release();  // the stream's now
  return DirStream(stream);
}

class Counter {
 public:
  explicit Counter(dev_t device) : device_(device) {}

  void add(const struct stat& status) {
    const bool shared = status.st_nlink > 1 && !S_ISDIR(status.st_mode);
    if (shared && !linked_.insert(status.st_ino).second) return;
    total_ += static_cast<std::uint64_t>(status.st_blocks) * kBlockBytes;
  }
  // Depth is a stack of open directories. What lies deeper than any honest tree is not counted: a RUN cache mount
  // may hold anything, and must not stop a prune.
  void walk(UniqueFd top) {
    std::vector<DirStream> open;
    open.push_back(open_stream(std::move(top)));
    while (!open.empty()) {
      const dirent* entry = ::readdir(open.back().get());
      if (entry == nullptr) {
        open.pop_back();
        continue;
      }
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      std::optional<UniqueFd> below = visit(::dirfd(open.back().get()), entry->d_name, open.size() >= kMaxDepth);
      if (below) open.push_back(open_stream(std::move(*below)));
    }
  }
  std::uint64_t total() const noexcept { return total_; }

 private:
  std::optional<UniqueFd> visit(int parent, const char* name, bool deep) {
    struct stat status {};
    if (::fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
    if (status.st_dev != device_) return std::nullopt;
    add(status);
    if (!S_ISDIR(status.st_mode) || deep) return std::nullopt;
    UniqueFd fd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd) return fd;
    if (errno == EACCES || errno == EPERM || errno == ENOENT || errno == EMFILE) return std::nullopt;
    throw_errno("listing", name);
  }

  dev_t device_;
  std::set<ino_t> linked_;
  std::uint64_t total_ = 0;
};

}  // namespace

std::uint64_t disk_usage(const Dir& dir, const TreePath& path) {
  const std::optional<struct stat> top = dir.try_stat(path);
  if (!top) return 0;
  Counter counter(top->st_dev);
  counter.add(*top);
  if (!S_ISDIR(top->st_mode)) return counter.total();
  try {
    counter.walk(dir.open_file(path, O_RDONLY | O_DIRECTORY));
  } catch (const SysError& error) {
    if (error.code() != Errc::denied && error.errnum() != ENOENT) throw;
  }
  return counter.total();
}

}  // namespace cooper::cache
