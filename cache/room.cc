#include "cache/room.h"

#include <dirent.h>
#include <sys/stat.h>

#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "cache/disk_usage.h"
#include "cache/inventory.h"
#include "cache/overhead.h"
#include "cache/prune.h"

namespace cooper::cache {
namespace {

// Room for later is made with what no name needs, so that a store at its limit is not looked through at every step.
constexpr std::uint64_t kSlackPart = 16;  // of the limit

struct Counted {
  const char* name;  // of its triggers
  const char* table;
  const char* size;  // what a row takes on disk, in SQL; % stands for the row
};
// Objects as a file system has them, in blocks (disk_bytes_of_file).
constexpr std::array kCounted = {Counted{"object", "objects", "(%size + 4095) / 4096 * 4096"},
                                 Counted{"tree", "tree_sizes", "%size"}, Counted{"mount", "mount_sizes", "%size"}};
static_assert(disk_bytes_of_file(1) == 4096 && disk_bytes_of_file(4096) == 4096);

std::string size_of(const Counted& counted, std::string_view row) {
  std::string text = counted.size;
  return text.replace(text.find('%'), 1, row);
}

// The total as it is now, and triggers that keep it.
std::string make_totals() {
  std::string sql =
      "CREATE TABLE IF NOT EXISTS mount_sizes (path TEXT PRIMARY KEY, size INTEGER NOT NULL, used INTEGER NOT NULL)"
      " WITHOUT ROWID;"
      "CREATE TABLE IF NOT EXISTS totals (bytes INTEGER NOT NULL);";
  std::string sum = "0";
  for (const Counted& counted : kCounted) {
    const auto on = [&](const char* event, const char* done, const std::string& change) {
      sql += cat("CREATE TRIGGER IF NOT EXISTS ", counted.name, "_", done, " AFTER ", event, " ON ", counted.table,
                 " BEGIN UPDATE totals SET bytes = bytes", change, "; END;");
    };
    const std::string plus = " + " + size_of(counted, "NEW.");
    const std::string minus = " - " + size_of(counted, "OLD.");
    on("INSERT", "added", plus);
    on("DELETE", "removed", minus);
    on("UPDATE", "changed", plus + minus);
    sum += cat(" + (SELECT coalesce(sum(", size_of(counted, ""), "), 0) FROM ", counted.table, ")");
  }
  return cat(sql, "DELETE FROM totals; INSERT INTO totals SELECT ", sum, ";");
}

LockedFile take_turn(const StoreRoot& root) { return wait_for_lock(root.dir(), "room.lock", LockMode::exclusive); }

}  // namespace

void Room::set(StoreLimit limit, const StoreParts& parts) {
  limit_ = std::move(limit);
  parts_ = &parts;
  root_.ensure();
  const LockedFile turn = take_turn(root_);
  prepare_records();
  reconcile();
  // What builds that run need may stay, and names: perhaps nothing is to come. If it is, it has to fit.
  (void)fit(0, false);
}

void Room::prepare_records() const {
  root_.with_db([](Database& database) { database.transaction([&] { database.execute(make_totals().c_str()); }); });
}

void Room::reconcile() {
  reconcile_trees();
  reconcile_mounts();
  overhead_bytes_ = overhead(root_.dir()).total();
}

// Sizes of trees that are not there go, trees that came without one are measured.
void Room::reconcile_trees() const {
  std::set<std::string> recorded = root_.with_db([](Database& database) {
    std::set<std::string> paths;
    Query query = database.query("SELECT path FROM tree_sizes");
    while (query.step()) paths.insert(query.get_string(0));
    return paths;
  });
  for (const TreeId& id : parts_->trees.present()) {
    if (recorded.erase(tree_size_key(id)) == 0) (void)parts_->trees.size_bytes(id);
  }
  for (const std::string& path : recorded) {
    root_.with_db([&](Database& database) { database.query("DELETE FROM tree_sizes WHERE path=?").text(path).run(); });
  }
}

void Room::reconcile_mounts() const {
  auto recorded = root_.with_db([](Database& database) {
    std::map<std::string, Nanoseconds> paths;
    Query query = database.query("SELECT path, used FROM mount_sizes");
    while (query.step()) paths.emplace(query.get_string(0), query.get_integer(1));
    return paths;
  });
  for (const CacheMounts::Listed& mount : parts_->mounts.list()) {
    const auto known = recorded.find(layout::mount(mount.id).str());
    if (known == recorded.end() || known->second != mount.last_use) record_mount(mount.id, mount.last_use);
    if (known != recorded.end()) recorded.erase(known);
  }
  for (const auto& [path, used] : recorded) {
    root_.with_db([&](Database& database) { database.query("DELETE FROM mount_sizes WHERE path=?").text(path).run(); });
  }
}

void Room::record_mount(const layout::MountId& id, Nanoseconds used) const {
  const std::uint64_t size_bytes = parts_->mounts.size_bytes(id);
  root_.with_db([&](Database& database) {
    database
        .query("INSERT INTO mount_sizes (path, size, used) VALUES (?, ?, ?)"
               " ON CONFLICT DO UPDATE SET size=excluded.size, used=excluded.used")
        .text(layout::mount(id).str())
        .size(size_bytes)
        .integer(used)
        .run();
  });
}

void Room::note_mount(const layout::MountId& id, Nanoseconds used) noexcept {
  if (!limited()) return;
  try {
    const LockedFile turn = take_turn(root_);
    record_mount(id, used);
    (void)fit(0, true);
  } catch (const Error&) {
    // The next admission, or the next limit that is set, counts it.
  }
}

std::uint64_t Room::total_bytes() const {
  const std::uint64_t objects = root_.with_db([](Database& database) {
    Query query = database.query("SELECT bytes FROM totals");
    return query.step() ? query.get_size(0) : 0;
  });
  return objects + overhead_bytes_ + database_bytes(root_.dir());
}

Room::Admission Room::admit(std::uint64_t disk_bytes, const std::string& what) {
  if (!limited() || disk_bytes == 0) return {};
  LockedFile turn = take_turn(root_);
  if (fit(disk_bytes, true)) return Admission(std::move(turn));
  throw Error(Errc::io, cat("the store limit of ", limit_.bytes, " bytes is reached: ", what, " takes ", disk_bytes,
                            " more, beside ", total_bytes(), " in the store ", root_.label(),
                            ", of which what could go is not enough; a larger --store-limit, or fewer builds at once, "
                            "would do"));
}

// The database's log takes up to 4 MiB before SQLite folds it by itself. False: it is small, or in use.
bool Room::fold_log() const {
  constexpr std::uint64_t kWorthIt = 256 * 1024;
  if (log_bytes(root_.dir()) < kWorthIt) return false;
  return root_.with_db([](Database& database) {
    Query fold = database.query("PRAGMA wal_checkpoint(TRUNCATE)");
    return fold.step() && fold.get_integer(0) == 0;
  });
}

bool Room::fit(std::uint64_t disk_bytes, bool names) {
  std::uint64_t wanted = total_bytes() + disk_bytes;
  if (wanted > limit_.bytes && fold_log()) wanted = total_bytes() + disk_bytes;
  if (wanted <= limit_.bytes) return true;
  const std::uint64_t needed = wanted - limit_.bytes;
  try {
    make_room(*parts_, {needed, needed + limit_.bytes / kSlackPart, names, limit_.gave_up});
  } catch (const Error& error) {
    if (error.code() != Errc::denied) throw;  // files of ids that are not ours here: the rest went
  }
  reconcile();
  return total_bytes() + disk_bytes <= limit_.bytes;
}

}  // namespace cooper::cache
