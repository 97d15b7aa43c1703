#include "cache/ingest.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "cache/file_lock.h"
#include "cache/layout.h"

namespace cooper::cache {
namespace {

constexpr const char* kGate =
    "ingest.lock";  // shared: a directory is being made; exclusive: the dead are looked for
constexpr const char* kOwnerLock = "lock";

// Everything but the lock, then the lock, then the directory: another sweeper keeps away until the
// end.
void remove_locked(const Dir& ingest, const std::string& name) {
  const TreePath path = TreePath().child(name);
  for (const DirEntry& entry : ingest.list(path)) {
    if (entry.name != kOwnerLock) ingest.remove_all(path.child(entry.name));
  }
  ingest.remove_all(path);
}

// Trees made here have nothing to do with each other. ext4, when told so, gives each a part of the
// disk with room, instead of one where files were removed a moment ago: there every new file looks
// past all of those, for minutes. A favour, where the file system knows it.
void spread_trees(const Dir& dir) {
  const std::optional<UniqueFd> file = dir.try_open_file(TreePath(), O_RDONLY | O_DIRECTORY);
  int flags = 0;
  if (!file || ::ioctl(file->get(), FS_IOC_GETFLAGS, &flags) != 0) return;
  flags |= FS_TOPDIR_FL;
  ::ioctl(file->get(), FS_IOC_SETFLAGS, &flags);
}

// The lock of a directory whose owner is gone; nullopt: it lives.
std::optional<LockedFile> lock_of_dead(const Dir& ingest, const std::string& name) {
  const TreePath path = TreePath().child(name).child(kOwnerLock);
  UniqueFd file = ingest.open_file(path, O_RDWR | O_CREAT, 0600);
  std::optional<FileLock> lock = FileLock::try_lock(file.get(), LockMode::exclusive);
  if (!lock) return std::nullopt;
  return LockedFile{std::move(file), std::move(*lock)};
}

}  // namespace

Ingest::Own Ingest::make() const {
  const LockedFile gate = wait_for_lock(root_, kGate, LockMode::shared);
  const TreePath ingest = layout::path(layout::kIngest);
  root_.make_dirs(ingest, 0700);
  TempDir dir(root_.subdir(ingest), "");
  spread_trees(dir.dir());
  UniqueFd file = dir.dir().open_file(layout::path(kOwnerLock), O_RDWR | O_CREAT, 0600);
  const int fd = file.get();
  return {{std::move(file), FileLock(fd, LockMode::exclusive)}, std::move(dir)};
}

Dir Ingest::dir() {
  store_.ensure();
  return own_.with([&](std::optional<Own>& own) {
    if (!own) own.emplace(make());
    return own->dir.dir().duplicate();
  });
}

TreePath Ingest::fresh_name(const std::string& prefix) {
  return TreePath().child(cat(prefix, counter_.fetch_add(1)));
}

TreePath Ingest::trash(const TreePath& path) {
  store_.ensure();
  const TreePath name = fresh_name("trash-");
  const TreePath target = own_.with([&](std::optional<Own>& own) {
    if (!own) own.emplace(make());
    return layout::path(layout::kIngest) / own->dir.name() / name;
  });
  root_.rename(path, target);
  return name;
}

void Ingest::empty_trash(const TreePath& trashed) noexcept {
  try {
    dir().remove_all(trashed);
  } catch (const Error&) {
    // Out of sight already; a sweep with more rights removes it.
  }
}

std::vector<Ingest::Dead> Ingest::find_dead(const Dir& ingest) const {
  std::vector<Dead> dead;
  const std::vector<DirEntry> entries = ingest.list(TreePath());
  if (entries.empty()) return dead;
  const UniqueFd gate = open_lock(root_, kGate);
  const auto closed = FileLock::try_lock(gate.get(), LockMode::exclusive);
  if (!closed) return dead;  // busy now; whoever opens the store next sweeps
  for (const DirEntry& entry : entries) {
    try {
      std::optional<LockedFile> lock = lock_of_dead(ingest, entry.name);
      if (lock) dead.push_back({entry.name, std::move(*lock)});
    } catch (const Error&) {
      continue;  // gone meanwhile, or not ours to look into
    }
  }
  return dead;
}

void Ingest::sweep() noexcept {
  try {
    const TreePath path = layout::path(layout::kIngest);
    if (!root_.try_stat(path)) return;
    const Dir ingest = root_.subdir(path);
    for (const Dead& dead : find_dead(ingest)) {
      try {
        remove_locked(ingest, dead.name);
      } catch (const Error&) {
        continue;  // owned by ids we do not have here: left for a sweep that has them
      }
    }
  } catch (const Error&) {
    // Sweeping is a favour to the disk, never a reason to fail.
  }
}

bool Ingest::idle() const {
  return own_.with([](const std::optional<Own>& own) {
    return !own || own->dir.dir().list(TreePath()).size() <= 1;  // the lock
  });
}

void Ingest::close() noexcept {
  own_.with([](std::optional<Own>& own) { own.reset(); });
}

}  // namespace cooper::cache
