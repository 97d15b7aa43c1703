#include "cache/objects.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/byte_stream.h"
#include "base/error.h"
#include "cache/disk_full.h"
#include "cache/file_lock.h"
#include "cache/inventory.h"
#include "cache/layout.h"
#include "cache/room.h"

namespace cooper::cache {
namespace {

std::int64_t number(ObjectKind kind) {
  return static_cast<std::int64_t>(kind);
}

struct stat status_of(int fd, const ObjectId& id) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw_errno("looking at", to_string(id));
  return status;
}

std::uint64_t size_of(const struct stat& status) {
  return static_cast<std::uint64_t>(status.st_size);
}

// A blob's content is its name: only other kinds store it.
std::optional<ObjectRow> read_row(Database& database, const ObjectId& id) {
  Query query = database.query("SELECT size, content FROM objects WHERE kind=? AND digest=?");
  query.integer(number(id.kind)).digest(id.digest);
  if (!query.step()) return std::nullopt;
  return ObjectRow{query.get_size(0), query.get_digest(1).value_or(id.digest)};
}

// The directory that will hold the object; made on the first use of its two digits.
UniqueFd open_fan(const Dir& root, const TreePath& path) {
  try {
    return root.open_parent(path);
  } catch (const SysError& error) {
    if (error.errnum() != ENOENT) throw;
  }
  root.make_dirs(path.parent(), 0700);
  return root.open_parent(path);
}

// rename(2) of a name in `from_dir` that does not replace. False: the target exists.
bool rename_fresh(const Dir& from_dir, const TreePath& from, const Dir& root, const TreePath& to) {
  const std::string to_name(to.name());
  const UniqueFd to_parent = open_fan(root, to);
  if (::renameat2(from_dir.fd(), from.str().c_str(), to_parent.get(), to_name.c_str(),
                  RENAME_NOREPLACE) == 0) {
    return true;
  }
  if (errno == EEXIST) return false;
  if (errno != EINVAL && errno != ENOSYS) throw_errno("publishing", to.str());
  // File systems without the flag: a link never replaces either.
  if (::linkat(from_dir.fd(), from.str().c_str(), to_parent.get(), to_name.c_str(), 0) == 0) {
    from_dir.unlink(from);
    return true;
  }
  if (errno == EEXIST) return false;
  throw_errno("publishing", to.str());
}

void delete_row(Database& database, const ObjectId& id) {
  database.query("DELETE FROM objects WHERE kind=? AND digest=?")
      .integer(number(id.kind))
      .digest(id.digest)
      .run();
}

}  // namespace

std::string to_string(const ObjectId& id) {
  return cat(id.kind == ObjectKind::blob ? "blob " : "table of layer ", id.digest);
}

TreePath object_path(const ObjectId& id) {
  return id.kind == ObjectKind::blob ? layout::blob(id.digest) : layout::table(id.digest);
}

std::optional<Objects::Found> Objects::find(const ObjectId& id,
                                            std::optional<std::uint64_t> expected_bytes) {
  std::optional<UniqueFd> file = root_.dir().try_open_file(object_path(id), O_RDONLY);
  if (!file) return std::nullopt;
  std::optional<FileLock> lock(std::in_place, file->get(), LockMode::shared);
  const struct stat status = status_of(file->get(), id);
  if (status.st_nlink == 0) return std::nullopt;  // removed while we waited
  const std::optional<ObjectRow> recorded = row(id);
  if (!recorded) return std::nullopt;
  const std::uint64_t size_bytes = size_of(status);
  if (recorded->size_bytes != size_bytes) {
    lock.reset();
    drop_damaged(id, *recorded);
    return std::nullopt;
  }
  if (expected_bytes && *expected_bytes != size_bytes) return std::nullopt;
  note_use(file->get(), status, id);
  lock.reset();
  return Found{std::move(*file), size_bytes};
}

bool Objects::has(const ObjectId& id) {
  const std::optional<Nanoseconds> lease = leases_.oldest_own();
  const bool known = lease && kept_.with([&](Kept& kept) {
    if (kept.lease != *lease) kept = {*lease, {}};
    return kept.found.contains(id);
  });
  if (known) return true;
  if (!find(id)) return false;
  if (lease) {
    kept_.with([&](Kept& kept) {
      if (kept.lease == *lease) kept.found.insert(id);
    });
  }
  return true;
}

void Objects::note_use(int fd, const struct stat& status, const ObjectId& id) const {
  if (leases_.covers(mtime_ns(status))) return;
  set_mtime_ns(fd, leases_.stamp(), to_string(id));
}

void Objects::publish(const ObjectId& id, const ObjectRow& row, const UniqueFd& file,
                      const TreePath& name) {
  telling_disk_full(root_.label(), [&] {
    const Dir ingest = ingest_.dir();
    const bool grows = room_.limited() && !this->row(id);
    const Room::Admission admitted = room_.admit(grows ? disk_bytes_of_file(row.size_bytes) : 0, to_string(id));
    // Held until the row is there: whoever opens the file meanwhile waits for us.
    const FileLock lock(file.get(), LockMode::exclusive);
    set_mtime_ns(file.get(), leases_.stamp(), to_string(id));
    while (!rename_fresh(ingest, name, root_.dir(), object_path(id))) {
      bool absent = false;
      if (keep_existing(id, row, absent, name)) {
        ingest.unlink(name);
        return;
      }
      if (!absent) break;
    }
    try {
      record(id, row);
    } catch (...) {  // rethrown: a file without a row would only take room; our lock keeps others
                     // from replacing it
      root_.dir().unlink(object_path(id));
      throw;
    }
  });
}

// The name is taken. True: what is there is good, and used now. Otherwise ours replaces it, unless
// it has just vanished (absent).
bool Objects::keep_existing(const ObjectId& id, const ObjectRow& row, bool& absent,
                            const TreePath& source) {
  const TreePath path = object_path(id);
  const std::optional<UniqueFd> existing = root_.dir().try_open_file(path, O_RDONLY);
  absent = !existing.has_value();
  if (absent) return false;
  const FileLock lock(existing->get(), LockMode::exclusive);
  const struct stat status = status_of(existing->get(), id);
  absent = status.st_nlink == 0;
  if (absent) return false;
  const std::optional<ObjectRow> recorded = this->row(id);
  if (recorded == row && size_of(status) == row.size_bytes) {
    note_use(existing->get(), status, id);
    return true;
  }
  // First, so that at no moment a file is there with the row of another.
  if (recorded) root_.with_db([&](Database& database) { delete_row(database, id); });
  const UniqueFd to = root_.dir().open_parent(path);
  if (::renameat(ingest_.dir().fd(), source.str().c_str(), to.get(),
                 std::string(path.name()).c_str()) != 0) {
    throw_errno("publishing", to_string(id));
  }
  return false;
}

void Objects::publish(const ObjectId& id, std::string_view bytes) {
  telling_disk_full(root_.label(), [&] {
    const Dir ingest = ingest_.dir();
    const TreePath name = ingest_.fresh_name("object-");
    const UniqueFd file = ingest.open_file(name, O_RDWR | O_CREAT | O_EXCL, 0444);
    try {
      FdSink(file.get(), to_string(id)).write(as_bytes(bytes));
      publish(id, {bytes.size(), oci::sha256(bytes)}, file, name);
    } catch (...) {  // rethrown: the unfinished file goes at once, not only with us
      if (ingest.try_stat(name)) ingest.unlink(name);
      throw;
    }
  });
}

void Objects::record(const ObjectId& id, const ObjectRow& row) {
  root_.with_db([&](Database& database) {
    Query query = database.query(
        "INSERT INTO objects (kind, digest, size, content) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET size=excluded.size, content=excluded.content");
    query.integer(number(id.kind)).digest(id.digest).size(row.size_bytes);
    if (id.kind == ObjectKind::blob) {
      query.null();
    } else {
      query.digest(row.content);
    }
    query.run();
  });
}

// Within a transaction. Without a file the row may be that of one being published now, which writes
// its row after the file is in place: it is forgotten only while there is still no file.
bool Objects::forget(Database& database, const ObjectId& id, bool has_file) const {
  if (!has_file && root_.dir().try_stat(object_path(id))) return false;
  if (id.kind == ObjectKind::blob) {
    database.query("DELETE FROM records WHERE blob=?").digest(id.digest).run();
  }
  delete_row(database, id);
  return true;
}

Objects::Removal Objects::remove(const ObjectId& id, Nanoseconds horizon,
                                 const std::function<void(Database&)>& also) {
  const TreePath path = object_path(id);
  const auto forget_all = [&](bool has_file) {
    root_.with_db([&](Database& database) {
      database.transaction([&] {
        if (also) also(database);
        forget(database, id, has_file);
      });
    });
  };
  const std::optional<UniqueFd> file = root_.dir().try_open_file(path, O_RDONLY);
  if (!file) {
    forget_all(false);
    return Removal::absent;
  }
  const std::optional<FileLock> lock = FileLock::try_lock(file->get(), LockMode::exclusive);
  if (!lock) return Removal::in_use;
  const struct stat status = status_of(file->get(), id);
  // No link: somebody replaced it just now.
  if (status.st_nlink == 0 || mtime_ns(status) >= horizon) return Removal::in_use;
  try {
    forget_all(true);
    root_.dir().unlink(path);
  } catch (const DiskFull&) {
    // Not even room to write that it goes: the other way round, which makes room.
    root_.dir().unlink(path);
    try {
      forget_all(false);
    } catch (const DiskFull&) {
      if (also) throw;
      // It was a small one. A row without its file is a miss, and goes with the next prune.
    }
  }
  return Removal::removed;
}

void Objects::drop_damaged(const ObjectId& id, const ObjectRow& row) {
  kept_.with([&](Kept& kept) { kept.found.erase(id); });
  const TreePath path = object_path(id);
  const std::optional<UniqueFd> file = root_.dir().try_open_file(path, O_RDONLY);
  const std::optional<FileLock> lock =
      file ? FileLock::try_lock(file->get(), LockMode::exclusive) : std::nullopt;
  if (file && (!lock || status_of(file->get(), id).st_nlink == 0)) return;
  const bool gone = root_.with_db([&](Database& database) {
    bool forgotten = false;
    database.transaction([&] {
      forgotten = read_row(database, id) == row && forget(database, id, file.has_value());
    });
    return forgotten;
  });
  if (file && gone) root_.dir().unlink(path);
}

std::optional<ObjectRow> Objects::row(const ObjectId& id) {
  return root_.with_db([&](Database& database) { return read_row(database, id); });
}

std::vector<std::pair<ObjectId, ObjectRow>> Objects::rows() {
  return root_.with_db([](Database& database) {
    std::vector<std::pair<ObjectId, ObjectRow>> found;
    Query query =
        database.query("SELECT kind, digest, size, content FROM objects ORDER BY kind, digest");
    while (query.step()) {
      const std::optional<oci::Digest> digest = query.get_digest(1);
      if (!digest) continue;
      const ObjectId id{static_cast<ObjectKind>(query.get_integer(0)), *digest};
      found.emplace_back(id, ObjectRow{query.get_size(2), query.get_digest(3).value_or(*digest)});
    }
    return found;
  });
}

Objects::Snapshot Objects::look(const ObjectId& id) {
  Snapshot snapshot;
  snapshot.file = root_.dir().try_open_file(object_path(id), O_RDONLY);
  if (!snapshot.file) {
    snapshot.row = row(id);
    return snapshot;
  }
  std::optional<FileLock> lock(std::in_place, snapshot.file->get(), LockMode::shared);
  const struct stat status = status_of(snapshot.file->get(), id);
  snapshot.file_bytes = size_of(status);
  snapshot.row = row(id);
  lock.reset();
  if (status.st_nlink == 0) snapshot.file.reset();
  return snapshot;
}

void Objects::adopt(const ObjectId& id, const ObjectRow& row) {
  const std::optional<UniqueFd> file = root_.dir().try_open_file(object_path(id), O_RDONLY);
  if (!file) return;
  const std::optional<FileLock> lock = FileLock::try_lock(file->get(), LockMode::exclusive);
  if (!lock) return;
  const struct stat status = status_of(file->get(), id);
  if (status.st_nlink > 0 && size_of(status) == row.size_bytes) record(id, row);
}

std::optional<std::string> Objects::peek(const oci::Digest& blob, std::size_t limit_bytes) {
  std::optional<UniqueFd> file = root_.dir().try_open_file(layout::blob(blob), O_RDONLY);
  const ObjectId id{ObjectKind::blob, blob};
  if (!file || size_of(status_of(file->get(), id)) > limit_bytes) return std::nullopt;
  FdSource source(std::move(*file), to_string(id));
  return read_all(source, limit_bytes, to_string(id));
}

std::vector<ObjectId> Objects::files() const {
  std::vector<ObjectId> found;
  for (const ObjectKind kind : {ObjectKind::blob, ObjectKind::table}) {
    const TreePath base = layout::path(kind == ObjectKind::blob ? layout::kBlobs : layout::kTables);
    if (!root_.dir().try_stat(base)) continue;
    for (const DirEntry& fan : root_.dir().list(base)) {
      if (fan.type != DT_DIR) continue;
      for (const DirEntry& entry : root_.dir().list(base.child(fan.name))) {
        const std::optional<oci::Digest> digest = layout::try_digest(entry.name);
        if (digest && entry.name.starts_with(fan.name)) found.push_back({kind, *digest});
      }
    }
  }
  return found;
}

}  // namespace cooper::cache
