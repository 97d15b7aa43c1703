#include "cache/leases.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>

#include "base/error.h"
#include "cache/file_lock.h"
#include "cache/layout.h"

namespace cooper::cache {
namespace {

constexpr Nanoseconds kPerSecond = 1'000'000'000;
constexpr const char* kGate =
    "leases.lock";  // shared: a lease begins; exclusive: prune counts them
constexpr std::string_view kPrefix = "lease-";  // and a number: one file per lease held at once

struct stat status_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw_errno("looking at", "a file of the store");
  return status;
}

// Sets the file's time to now, or leaves it where it is when that is later; what the file system
// kept of it.
Nanoseconds advance_mtime(int fd, Nanoseconds at_least) {
  set_mtime_ns(fd, std::max(now_ns(), at_least), "a lock of the store");
  return mtime_ns(status_of(fd));
}

}  // namespace

Nanoseconds now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return Nanoseconds{now.tv_sec} * kPerSecond + now.tv_nsec;
}

Nanoseconds mtime_ns(const struct stat& status) {
  return Nanoseconds{status.st_mtim.tv_sec} * kPerSecond + status.st_mtim.tv_nsec;
}

void set_mtime_ns(int fd, Nanoseconds time, const std::string& name) {
  const timespec value{.tv_sec = time / kPerSecond, .tv_nsec = time % kPerSecond};
  const timespec times[2] = {value, value};
  if (::futimens(fd, times) != 0) throw_errno("noting the use of", name);
}

// The first lease file nobody holds. It is left behind for the next: a file costs more to make than
// all else a lease does.
LockedFile Leases::free_slot() const {
  for (int slot = 0;;) {
    UniqueFd file = open_lock(root_, cat(kPrefix, slot));
    std::optional<FileLock> lock = FileLock::try_lock(file.get(), LockMode::exclusive);
    if (!lock) {
      ++slot;
    } else if (status_of(file.get()).st_nlink > 0) {  // else swept in between
      return {std::move(file), std::move(*lock)};
    }
  }
}

LockedFile Leases::close_gate() const {
  return wait_for_lock(root_, kGate, LockMode::exclusive);
}

Leases::Held Leases::take() {
  store_.ensure();
  const LockedFile gate = wait_for_lock(root_, kGate, LockMode::shared);
  const Nanoseconds last_prune = mtime_ns(status_of(gate.file.get()));
  LockedFile file = free_slot();
  const Nanoseconds since = advance_mtime(file.file.get(), last_prune);
  own_.with([&](auto& own) { own.insert(since); });
  return {std::move(file), since};
}

void Leases::give_back(const Held& held) noexcept {
  own_.with([&](auto& own) { own.erase(own.find(held.since)); });
}

std::optional<Nanoseconds> Leases::oldest_own() const {
  return own_.with([](const auto& own) { return own.empty() ? std::nullopt : std::optional(*own.begin()); });
}

Nanoseconds Leases::stamp() const {
  const Nanoseconds now = now_ns();
  return own_.with(
      [&](const auto& own) { return own.empty() ? now : std::max(now, *own.rbegin()); });
}

bool Leases::covers(Nanoseconds used) const {
  return own_.with([&](const auto& own) { return !own.empty() && used >= *own.rbegin(); });
}

// Looks by shared locks, which hinder no other look.
std::optional<Nanoseconds> Leases::oldest_live(Idle idle) const {
  const TreePath directory = layout::path(layout::kLocks);
  std::optional<Nanoseconds> oldest;
  for (const DirEntry& entry : root_.list(directory)) {
    if (!entry.name.starts_with(kPrefix)) continue;
    const TreePath path = directory.child(entry.name);
    const std::optional<UniqueFd> file = root_.try_open_file(path, O_RDWR);
    if (!file) continue;  // swept meanwhile
    if (const auto lock = FileLock::try_lock(file->get(), LockMode::shared)) {
      if (idle == Idle::swept && status_of(file->get()).st_nlink > 0) root_.unlink(path);
      continue;
    }
    const Nanoseconds since = mtime_ns(status_of(file->get()));
    oldest = std::min(oldest.value_or(since), since);
  }
  return oldest;
}

Nanoseconds Leases::horizon() const {
  const Nanoseconds now = std::max(now_ns(), mtime_ns(status_of(open_lock(root_, kGate).get())) + 1);
  return std::min(oldest_live(Idle::left).value_or(now), now);
}

Leases::Horizon Leases::begin_prune() {
  const LockedFile gate = close_gate();
  // Later than the last one even when the clock is behind: else what was used since would never be
  // old.
  constexpr Nanoseconds kLater = 1000;
  const Nanoseconds last_prune = mtime_ns(status_of(gate.file.get()));
  const Nanoseconds started = advance_mtime(gate.file.get(), last_prune + kLater);
  const std::optional<Nanoseconds> oldest = oldest_live(Idle::swept);
  return {.before = std::min(oldest.value_or(started), started), .any_live = oldest.has_value()};
}

}  // namespace cooper::cache
