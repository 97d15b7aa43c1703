#include "cache/trees.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/byte_stream.h"
#include "base/error.h"
#include "cache/disk_full.h"
#include "cache/disk_usage.h"
#include "cache/file_lock.h"
#include "cache/layout.h"
#include "cache/room.h"
#include "cache/secret.h"

namespace cooper::cache {
namespace {

constexpr std::size_t kMarkLimitBytes = 128;

struct stat status_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw_errno("looking at", "a tree's mark");
  return status;
}

std::string read_text(int fd) {
  std::string text(kMarkLimitBytes, '\0');
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  if (got < 0) throw_errno("reading", "a tree's mark");
  text.resize(static_cast<std::size_t>(got));
  return text;
}

void write_text(int fd, const std::string& text, std::size_t offset) {
  const ssize_t put = ::pwrite(fd, text.data(), text.size(), static_cast<off_t>(offset));
  if (put < 0) throw_errno("writing", "a tree's mark");
  if (static_cast<std::size_t>(put) != text.size()) {
    throw SysError(ENOSPC, "writing a tree's mark");  // a short write: the rest did not fit
  }
}

// Appended: others may read or append the same at this moment. On a full disk the tree is as good
// as before, for this boot.
void settle(int mark, std::size_t offset) {
  try {
    write_text(mark, kSettledMark, offset);
  } catch (const SysError&) {
    if (::ftruncate(mark, static_cast<off_t>(offset)) != 0) throw_errno("writing", "a tree's mark");
  }
}

bool whole(TreeState state) {
  return state != TreeState::unfinished;
}

}  // namespace

std::string to_string(const TreeId& id) {
  return cat("tree ", id.mapping, "/", id.chain.hex());
}

std::string tree_size_key(const TreeId& id) {
  return cat(id.mapping, "/", id.chain.hex());
}

BootClock boot_clock() {
  // Where /proc is not readable the boots cannot be told apart; then trees are trusted, as blobs'
  // rows are.
  static const std::string boot_id = [] {
    const UniqueFd fd(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
    std::string text(36, '\0');  // a UUID
    return fd && ::read(fd.get(), text.data(), text.size()) == 36 ? text : std::string("unknown");
  }();
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return {boot_id, now.tv_sec};
}

std::string mark_text(const BootClock& now, const std::string& secret_name) {
  return cat(now.boot_id, " ", now.seconds, " ", secret_name, "\n");
}

TreeState read_mark(const std::string& text, const BootClock& now, const std::string& secret_name) {
  const std::string last = cat(" ", secret_name, "\n");
  if (secret_name.empty()) return TreeState::unfinished;
  if (text.ends_with(last + kSettledMark)) return TreeState::settled;
  const std::string prefix = now.boot_id + " ";
  if (!text.starts_with(prefix) || !text.ends_with(last)) return TreeState::unfinished;
  std::int64_t made = 0;
  const auto [end, failure] =
      std::from_chars(text.data() + prefix.size(), text.data() + text.size(), made);
  if (failure != std::errc() || end != text.data() + text.size() - last.size())
    return TreeState::unfinished;
  return now.seconds - made >= kSettleSeconds ? TreeState::settled_now : TreeState::young;
}

TreeState Trees::state_of(const std::string& mark) const {
  return read_mark(mark, boot_clock(), secret_name(root_.try_secret()));
}

void Trees::note_use(int mark) const {
  if (leases_.covers(mtime_ns(status_of(mark)))) return;
  set_mtime_ns(mark, leases_.stamp(), "a tree");
}

Dir Trees::open_tree(const TreeId& id) const {
  const TreePath path = layout::tree(id.mapping, id.chain);
  return {root_.dir().open_file(path, O_PATH | O_DIRECTORY), Confine::image,
          (root_.path() / path.str()).string()};
}

std::optional<Dir> Trees::find(const TreeId& id) {
  const std::optional<UniqueFd> mark =
      root_.dir().try_open_file(layout::tree_mark(id.mapping, id.chain), O_RDWR);
  if (!mark) return std::nullopt;
  const FileLock lock(mark->get(), LockMode::shared);
  if (status_of(mark->get()).st_nlink == 0) return std::nullopt;
  const std::string text = read_text(mark->get());
  const TreeState state = state_of(text);
  if (!whole(state) || !root_.dir().try_stat(layout::tree(id.mapping, id.chain))) {
    return std::nullopt;
  }
  if (state == TreeState::settled_now) settle(mark->get(), text.size());
  note_use(mark->get());
  return open_tree(id);
}

// The mark, made when absent, locked for us alone.
LockedFile Trees::lock_mark(const TreeId& id) {
  const TreePath path = layout::tree_mark(id.mapping, id.chain);
  root_.dir().make_dirs(path.parent(), 0700);
  for (;;) {
    UniqueFd mark = root_.dir().open_file(path, O_RDWR | O_CREAT, 0600);
    const int fd = mark.get();
    LockedFile locked{std::move(mark), FileLock(fd, LockMode::exclusive)};
    if (status_of(fd).st_nlink > 0) return locked;
  }
}

Dir Trees::put(const TreeId& id, TempDir tree, const TreePath& inside) {
  return telling_disk_full(root_.label(), [&] {
    std::uint64_t size_bytes = 0;
    if (room_.limited()) {
      if (std::optional<Dir> there = find(id)) return std::move(*there);
      size_bytes = disk_usage(tree.dir(), inside);
    }
    const Room::Admission admitted = room_.admit(size_bytes, to_string(id));
    std::optional<TreePath> replaced;
    std::optional<Dir> published;
    {
      const LockedFile locked = lock_mark(id);
      const UniqueFd& mark = locked.file;
      const TreePath path = layout::tree(id.mapping, id.chain);
      const bool there = root_.dir().try_stat(path).has_value();
      if (there && whole(state_of(read_text(mark.get())))) {
        note_use(mark.get());
        return open_tree(id);
      }
      if (::ftruncate(mark.get(), 0) != 0) throw_errno("writing", "a tree's mark");
      if (there) replaced = ingest_.trash(path);
      move_in(id, tree, inside);
      write_text(mark.get(), mark_text(boot_clock(), secret_name(root_.secret())), 0);
      set_mtime_ns(mark.get(), leases_.stamp(), to_string(id));
      if (size_bytes > 0) record_size(id, size_bytes);
      published = open_tree(id);
    }
    if (inside.is_root()) tree.keep();
    if (replaced) ingest_.empty_trash(*replaced);
    return std::move(*published);
  });
}

void Trees::move_in(const TreeId& id, const TempDir& tree, const TreePath& inside) {
  const TreePath path = layout::tree(id.mapping, id.chain);
  const Dir ingest = ingest_.dir();
  const Dir& from_dir = inside.is_root() ? ingest : tree.dir();
  const TreePath& from = inside.is_root() ? tree.name() : inside;
  const UniqueFd from_parent = from_dir.open_parent(from);
  const UniqueFd to_parent = root_.dir().open_parent(path);
  if (::renameat(from_parent.get(), std::string(from.name()).c_str(), to_parent.get(),
                 std::string(path.name()).c_str()) != 0) {
    throw_errno("publishing", to_string(id));
  }
}

std::vector<Trees::Listed> Trees::list() const {
  std::vector<Listed> found;
  const TreePath base = layout::path(layout::kTrees);
  if (!root_.dir().try_stat(base)) return found;
  constexpr std::size_t kHexLength = 64;
  for (const DirEntry& mapping : root_.dir().list(base)) {
    if (mapping.type != DT_DIR || !layout::is_mapping(mapping.name)) continue;
    // A tree and its mark sort next to each other, the tree first.
    for (const DirEntry& entry : root_.dir().list(base.child(mapping.name))) {
      const bool is_mark = entry.type == DT_REG && entry.name.ends_with(layout::kMarkSuffix) &&
                           entry.name.size() == kHexLength + std::strlen(layout::kMarkSuffix);
      const bool is_tree = entry.type == DT_DIR && entry.name.size() == kHexLength;
      if (!is_mark && !is_tree) continue;
      const std::optional<oci::Digest> chain =
          layout::try_digest(std::string_view(entry.name).substr(0, kHexLength));
      if (!chain) continue;
      const TreeId id{mapping.name, *chain};
      if (found.empty() || found.back().id != id) found.push_back({.id = id});
      Listed& tree = found.back();
      if (is_tree) {
        tree.present = true;
        continue;
      }
      const std::optional<UniqueFd> mark =
          root_.dir().try_open_file(layout::tree_mark(id.mapping, id.chain), O_RDONLY);
      if (!mark) continue;
      tree.last_use = mtime_ns(status_of(mark->get()));
      tree.whole = whole(state_of(read_text(mark->get())));
    }
  }
  return found;
}

std::vector<TreeId> Trees::present() const {
  std::vector<TreeId> found;
  const TreePath base = layout::path(layout::kTrees);
  if (!root_.dir().try_stat(base)) return found;
  for (const DirEntry& mapping : root_.dir().list(base)) {
    if (mapping.type != DT_DIR || !layout::is_mapping(mapping.name)) continue;
    for (const DirEntry& entry : root_.dir().list(base.child(mapping.name))) {
      const auto chain = entry.type == DT_DIR ? layout::try_digest(entry.name) : std::nullopt;
      if (chain) found.push_back({mapping.name, *chain});
    }
  }
  return found;
}

std::uint64_t Trees::size_bytes(const TreeId& id) {
  const TreePath path = layout::tree(id.mapping, id.chain);
  const std::string key = tree_size_key(id);
  const std::optional<std::uint64_t> known =
      root_.with_db([&](Database& database) -> std::optional<std::uint64_t> {
        Query query = database.query("SELECT size FROM tree_sizes WHERE path=?");
        query.text(key);
        if (!query.step()) return std::nullopt;
        return query.get_size(0);
      });
  if (known) return *known;
  const std::uint64_t counted = disk_usage(root_.dir(), path);
  if (counted == 0) return 0;  // removed meanwhile
  record_size(id, counted);
  return counted;
}

void Trees::record_size(const TreeId& id, std::uint64_t size_bytes) {
  try {
    root_.with_db([&](Database& database) {
      database
          .query(
              "INSERT INTO tree_sizes (path, size) VALUES (?, ?)"
              " ON CONFLICT DO UPDATE SET size=excluded.size")
          .text(tree_size_key(id))
          .size(size_bytes)
          .run();
    });
  } catch (const DiskFull&) {
    // Counted again next time; whoever asks now may be about to make room.
  }
}

// The mark stops saying that the tree is whole before the tree goes, and says it again when it may
// not go.
std::optional<TreePath> Trees::move_out(const TreePath& path, int mark) {
  const std::string text = read_text(mark);
  if (::ftruncate(mark, 0) != 0) throw_errno("writing", "a tree's mark");
  try {
    return telling_disk_full(root_.label(), [&] { return ingest_.trash(path); });
  } catch (const DiskFull&) {  // no room for a directory to move it to: removed where it is
    root_.dir().remove_all(path);
    return std::nullopt;
  } catch (const Error&) {
    write_text(mark, text, 0);
    throw;
  }
}

bool Trees::is_lost(const TreeId& id) const {
  const TreePath mark_path = layout::tree_mark(id.mapping, id.chain);
  const std::optional<UniqueFd> mark = root_.dir().try_open_file(mark_path, O_RDONLY);
  if (!mark) return false;
  const FileLock lock(mark->get(), LockMode::shared);
  return lost(id, mark->get());
}

void Trees::forget_lost(const TreeId& id) {
  const TreePath mark_path = layout::tree_mark(id.mapping, id.chain);
  const std::optional<UniqueFd> mark = root_.dir().try_open_file(mark_path, O_RDWR);
  if (!mark) return;
  const FileLock lock(mark->get(), LockMode::exclusive);
  if (!lost(id, mark->get())) return;
  root_.dir().unlink(mark_path);
  forget_size(id);
}

// mark: locked.
bool Trees::lost(const TreeId& id, int mark) const {
  return status_of(mark).st_nlink > 0 && whole(state_of(read_text(mark))) &&
         !root_.dir().try_stat(layout::tree(id.mapping, id.chain));
}

Trees::Removal Trees::remove(const TreeId& id, Nanoseconds horizon) {
  const TreePath path = layout::tree(id.mapping, id.chain);
  const TreePath mark_path = layout::tree_mark(id.mapping, id.chain);
  std::optional<TreePath> trashed;
  {
    // A directory without a mark gets one, so that a put of the same tree waits for us.
    std::optional<UniqueFd> mark = root_.dir().try_open_file(mark_path, O_RDWR);
    const bool had_mark = mark.has_value();
    if (!mark) mark = root_.dir().open_file(mark_path, O_RDWR | O_CREAT, 0600);
    const std::optional<FileLock> lock = FileLock::try_lock(mark->get(), LockMode::exclusive);
    if (!lock) return Removal::in_use;
    const struct stat status = status_of(mark->get());
    if (status.st_nlink == 0) return Removal::in_use;
    const bool claimed = whole(state_of(read_text(mark->get())));
    if ((had_mark || claimed) && mtime_ns(status) >= horizon) return Removal::in_use;
    if (root_.dir().try_stat(path)) trashed = move_out(path, mark->get());
    root_.dir().unlink(mark_path);
  }
  if (trashed) ingest_.empty_trash(*trashed);
  forget_size(id);
  return Removal::removed;
}

void Trees::forget_size(const TreeId& id) {
  try {
    root_.with_db([&](Database& database) {
      database.query("DELETE FROM tree_sizes WHERE path=?").text(tree_size_key(id)).run();
    });
  } catch (const DiskFull&) {
    // A size too many is forgotten another time; what matters now is the room.
  }
}

}  // namespace cooper::cache
