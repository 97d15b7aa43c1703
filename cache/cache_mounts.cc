#include "cache/cache_mounts.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "base/error.h"
#include "cache/disk_full.h"
#include "cache/disk_usage.h"
#include "cache/retry.h"
#include "cache/room.h"
#include "cache/step_lock.h"

namespace cooper::cache {
namespace {

using layout::MountId;
using Sharing = CacheMountRequest::Sharing;

constexpr const char* kWaitingFor = "another step's cache mount";

std::string to_string(const MountId& id) {
  return layout::mount(id).str();
}

struct stat status_of(int fd, const MountId& id) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw_errno("looking at the mark of", to_string(id));
  return status;
}

class HeldMount final : public CacheMount {
 public:
  HeldMount(const MountId& id, std::string path, LockedFile mark, const Leases& leases, Room& room)
      : id_(id), path_(std::move(path)), mark_(std::move(mark)), leases_(leases), room_(room) {}
  // Its last use is the end of the step, not the beginning.
  ~HeldMount() override {
    try {
      set_mtime_ns(mark_.file.get(), leases_.stamp(), path_);
      room_.note_mount(id_, mtime_ns(status_of(mark_.file.get(), id_)));
    } catch (const Error&) {
      // The time of the beginning stands; prune may take it a little early.
    }
  }
  const std::string& path() const override { return path_; }

 private:
  MountId id_;
  std::string path_;
  LockedFile mark_;
  const Leases& leases_;
  Room& room_;
};

// For people who look into the store; nothing reads it.
void describe(int mark, const std::string& description, const MountId& id) {
  if (status_of(mark, id).st_size != 0) return;
  const std::string text = description + "\n";
  if (::pwrite(mark, text.data(), text.size(), 0) < 0) {
    throw_errno("writing the mark of", to_string(id));
  }
}

}  // namespace

std::optional<LockedFile> CacheMounts::try_mark(const MountId& id, LockMode mode) {
  const TreePath path = layout::mount_mark(id);
  root_.dir().make_dirs(path.parent(), 0700);
  for (;;) {
    UniqueFd mark = root_.dir().open_file(path, O_RDWR | O_CREAT, 0600);
    std::optional<FileLock> lock = FileLock::try_lock(mark.get(), mode);
    if (!lock) return std::nullopt;
    // Without a name: prune has just taken it.
    if (status_of(mark.get(), id).st_nlink > 0) {
      return LockedFile{std::move(mark), std::move(*lock)};
    }
  }
}

// Sets the number.
LockedFile CacheMounts::choose(const CacheMountRequest& request, MountId& id,
                               const std::stop_token& stop) {
  if (request.sharing == Sharing::locked) {
    auto mark = retry(stop, kWaitingFor, [&] { return try_mark(id, LockMode::exclusive); });
    return std::move(*mark);
  }
  const bool alone = request.sharing == Sharing::exclusive || request.fresh;
  for (;; ++id.number) {
    auto mark = try_mark(id, alone ? LockMode::exclusive : LockMode::shared);
    if (mark) return std::move(*mark);
  }
}

// Called with the mark's lock held, so that prune keeps away; users of a shared one meet here.
void CacheMounts::make(const MountId& id, const Fill& fill, const std::stop_token& stop) {
  const TreePath path = layout::mount(id);
  if (root_.dir().try_stat(path)) return;
  const StepKey making{oci::sha256("mount " + path.str())};
  const auto lock = wait_for_step_lock(root_.dir(), making, stop);
  if (root_.dir().try_stat(path)) return;
  const Dir ingest = ingest_.dir();
  TempDir fresh(ingest, "mount-");
  fill(fresh.dir());
  const Room::Admission admitted =
      room_.admit(room_.limited() ? disk_usage(ingest, fresh.name()) : 0, to_string(id));
  const UniqueFd to = root_.dir().open_parent(path);
  if (::renameat(ingest.fd(), fresh.name().str().c_str(), to.get(),
                 std::string(path.name()).c_str()) != 0) {
    throw_errno("publishing", to_string(id));
  }
  fresh.keep();
  if (room_.limited()) room_.record_mount(id, 0);  // measured again when the step is done
}

std::unique_ptr<CacheMount> CacheMounts::take(const CacheMountRequest& request, const Fill& fill,
                                              const std::stop_token& stop) {
  root_.ensure();
  return telling_disk_full(root_.label(), [&]() -> std::unique_ptr<CacheMount> {
    MountId id{request.mapping, request.identity, 0};
    LockedFile mark = choose(request, id, stop);
    if (request.fresh && root_.dir().try_stat(layout::mount(id))) {
      ingest_.empty_trash(ingest_.trash(layout::mount(id)));
    }
    make(id, fill, stop);
    describe(mark.file.get(), request.description, id);
    set_mtime_ns(mark.file.get(), leases_.stamp(), to_string(id));
    if (request.fresh && request.sharing == Sharing::shared) {
      // Not atomic: prune, which might come between, is kept away by the time of use.
      lock_file(mark.file.get(), LockMode::shared);
    }
    return std::make_unique<HeldMount>(id, (root_.path() / layout::mount(id).str()).string(),
                                       std::move(mark), leases_, room_);
  });
}

// visit(path, id of a directory or mark or nullopt, is a mark).
template <class Visit>
void CacheMounts::visit(const Visit& visit) const {
  const Dir& root = root_.dir();
  const TreePath base = layout::path(layout::kMounts);
  if (!root.try_stat(base)) return;
  for (const DirEntry& mapping : root.list(base)) {
    const TreePath directory = base.child(mapping.name);
    if (mapping.type != DT_DIR || !layout::is_mapping(mapping.name)) {
      visit(directory, std::nullopt, false);
      continue;
    }
    for (const DirEntry& entry : root.list(directory)) {
      std::string_view name = entry.name;
      const bool mark = entry.type == DT_REG && name.ends_with(layout::kMarkSuffix);
      if (mark) name.remove_suffix(std::strlen(layout::kMarkSuffix));
      const bool ours = mark || entry.type == DT_DIR;
      visit(directory.child(entry.name),
            ours ? layout::try_mount_id(mapping.name, name) : std::nullopt, mark);
    }
  }
}

std::vector<CacheMounts::Listed> CacheMounts::list() const {
  std::vector<Listed> found;
  // A directory and its mark sort next to each other, the directory first.
  visit([&](const TreePath& path, const std::optional<MountId>& id, bool mark) {
    if (!id) return;
    if (found.empty() || found.back().id != *id) found.push_back({*id, 0});
    const auto status = mark ? root_.dir().try_stat(path) : std::nullopt;
    if (status) found.back().last_use = mtime_ns(*status);
  });
  return found;
}

std::vector<TreePath> CacheMounts::strangers() const {
  std::vector<TreePath> found;
  visit([&](const TreePath& path, const std::optional<MountId>& id, bool) {
    if (!id) found.push_back(path);
  });
  return found;
}

std::uint64_t CacheMounts::size_bytes(const MountId& id) const {
  return disk_usage(root_.dir(), layout::mount(id));
}

bool CacheMounts::remove(const MountId& id, Nanoseconds horizon) {
  const TreePath path = layout::mount(id);
  const TreePath mark_path = layout::mount_mark(id);
  std::optional<TreePath> trashed;
  {
    const bool had_mark = root_.dir().try_stat(mark_path).has_value();
    const std::optional<LockedFile> mark = try_mark(id, LockMode::exclusive);
    if (!mark) return false;
    const struct stat status = status_of(mark->file.get(), id);
    if (had_mark && mtime_ns(status) >= horizon) return false;
    if (root_.dir().try_stat(path)) trashed = ingest_.trash(path);
    root_.dir().unlink(mark_path);
  }
  if (trashed) ingest_.empty_trash(*trashed);
  return true;
}

}  // namespace cooper::cache
