#include "layers/change_times.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/temp_dir.h"

namespace cooper::layers {
namespace {

constexpr std::size_t kPageBytes = 4096;

timespec change_time(const UniqueFd& file) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw_errno("looking at", "a probe");
  return status.st_ctim;
}

void pause_for(long milliseconds) {
  timespec left{0, milliseconds * 1'000'000};
  while (::nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

UniqueFd open_probe(const TempDir& home) {
  return home.dir().open_file(TreePath::clean("probe"), O_RDWR | O_CREAT | O_EXCL, 0600);
}

timespec wait_past(const UniqueFd& probe, const timespec& latest) {
  // Times may be as coarse as two seconds.
  constexpr int kPauses = 1000;
  constexpr long kPauseMilliseconds = 3;
  timespec now{};
  for (int i = 0; i < kPauses; ++i) {
    if (::pwrite(probe.get(), "x", 1, 0) != 1) throw_errno("writing", "a probe");
    now = change_time(probe);
    if (is_later(now, latest)) return now;
    pause_for(kPauseMilliseconds);
  }
  return now;
}

}  // namespace

timespec wait_past(const Dir& place, const timespec& latest) {
  const TempDir home(place, "times-");
  return wait_past(open_probe(home), latest);
}

bool mapped_writes_show(const Dir& place) {
  const TempDir home(place, "times-");
  const UniqueFd probe = open_probe(home);
  if (::ftruncate(probe.get(), kPageBytes) != 0) throw_errno("making", "a probe");
  void* const mapped =
      ::mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED, probe.get(), 0);
  if (mapped == MAP_FAILED) return errno == ENODEV;  // then nobody can write that way
  auto* const bytes = static_cast<volatile char*>(mapped);
  // Read first: the page is there, and a file system may not hear of what follows.
  const char first = bytes[0];
  const timespec before = change_time(probe);
  const TempDir other(place, "times-");
  static_cast<void>(wait_past(open_probe(other), before));
  bytes[0] = static_cast<char>(first + 1);
  ::munmap(mapped, kPageBytes);
  return is_later(change_time(probe), before);
}

}  // namespace cooper::layers
