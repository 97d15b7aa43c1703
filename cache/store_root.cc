#include "cache/store_root.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>

#include "base/byte_stream.h"
#include "base/error.h"
#include "cache/disk_full.h"
#include "cache/layout.h"

namespace cooper::cache {
namespace {

// Times are nanoseconds since 1970. Everything that says "when was this used" of files is the
// file's mtime.
constexpr const char* kSchema = R"sql(
  CREATE TABLE objects (kind INTEGER NOT NULL, digest BLOB NOT NULL, size INTEGER NOT NULL, content BLOB,
                        PRIMARY KEY (kind, digest)) WITHOUT ROWID;
  CREATE TABLE records (key BLOB PRIMARY KEY, inputs TEXT NOT NULL, layer TEXT, blob BLOB,
                        created TEXT NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX records_by_blob ON records (blob) WHERE blob IS NOT NULL;
  CREATE TABLE names (reference TEXT PRIMARY KEY, root TEXT NOT NULL, digest BLOB NOT NULL,
                      created TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE facts (kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, noted INTEGER NOT NULL,
                      PRIMARY KEY (kind, key)) WITHOUT ROWID;
  CREATE TABLE tree_sizes (path TEXT PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID;
)sql";
constexpr const char* kSetVersion = "PRAGMA user_version=1";
static_assert(layout::kVersion == 1);

[[noreturn]] void refuse_newer(const std::string& label, int version) {
  throw Error(Errc::unsupported,
              cat("the store ", label, " has format ", version,
                  ", made by a newer cooper; this one knows format ", layout::kVersion,
                  " (use the newer program, or another place: COOPER_ROOT, --scratch)"));
}

[[noreturn]] void fail_to_make(int errnum, const std::filesystem::path& path) {
  const SysError error = SysError::making(errnum, path.string());
  if (errnum != EACCES && errnum != EPERM && errnum != EROFS) throw error;
  throw Error(Errc::denied,
              cat(error.message(), " (COOPER_ROOT and --scratch may name another place)"));
}

Dir open_root(const std::filesystem::path& path) {
  return telling_disk_full(path.string(), [&] {
    return with_context([&] { return cat("opening the store ", path.string()); },
                        [&] {
                          struct stat found {};
                          if (::stat(path.c_str(), &found) != 0) {
                            std::error_code failure;
                            std::filesystem::create_directories(path, failure);
                            if (failure) fail_to_make(failure.value(), path);
                            if (::chmod(path.c_str(), 0700) != 0)
                              throw_errno("setting the mode of", path.string());
                          }
                          return Dir::open(path, Confine::strict);
                        });
  });
}

// flock wants a descriptor that is really open, which a Dir's need not be.
LockedFile open_presence(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw_errno("opening the store", path.string());
  const int number = fd.get();
  return {std::move(fd), FileLock(number, LockMode::shared)};
}

void create_tables(Database& database) {
  // Nothing is flushed here, as a new store holds nothing that could be lost: after a power loss
  // the file is empty, and then SQLite drops the log and this runs again, or its first page is
  // whole and the log's checksums decide.
  database.execute("PRAGMA synchronous=OFF; PRAGMA auto_vacuum=INCREMENTAL");
  // WAL: readers never wait for a writer. Where the file system cannot map shared memory SQLite
  // keeps its old journal, which is slower and as safe.
  { database.query("PRAGMA journal_mode=WAL").step(); }
  database.transaction([&] {
    if (database.user_version() != 0) return;  // another process was faster
    database.execute(kSchema);
    database.execute(kSetVersion);
  });
  database.execute(kNormalSync);
}

}  // namespace

StoreRoot::StoreRoot(const std::filesystem::path& path)
    : path_(std::filesystem::absolute(path).lexically_normal()),
      dir_(open_root(path_)),
      presence_(open_presence(path_)) {
  try {
    ensure();
  } catch (const Error& error) {
    if (!is_cured_by_emptying(error)) throw;  // else told by whatever needs the database
  }
}

Database StoreRoot::open_database() const {
  return telling_disk_full(label(), [&] {
    return with_context([&] { return cat("opening the store ", path_.string()); },
                        [&] {
                          make_format();
                          Database database(path_ / layout::kDatabase);
                          const int version = database.user_version();
                          if (version > layout::kVersion) refuse_newer(label(), version);
                          if (version != 0) return database;
                          const UniqueFd format =
                              dir_.open_file(layout::path(layout::kFormat), O_RDWR);
                          const FileLock lock(format.get(), LockMode::exclusive);
                          create_tables(database);
                          return database;
                        });
  });
}

// The marker comes first of all: a directory that has other things but no marker is not ours to
// fill or empty.
void StoreRoot::make_format() const {
  const TreePath marker = layout::path(layout::kFormat);
  constexpr std::size_t kLimitBytes = 64;
  std::optional<UniqueFd> file = dir_.try_open_file(marker, O_RDONLY);
  if (!file) {
    const std::vector<DirEntry> entries = dir_.list(TreePath());
    const bool foreign = std::ranges::any_of(
        entries, [](const DirEntry& entry) { return entry.name != "lost+found"; });
    // Looked for again: whoever made the entries may have been another cooper, one moment ago.
    if (foreign && !dir_.try_stat(marker)) {
      throw Error(Errc::invalid,
                  cat(label(), " is neither empty nor a cooper store; give another directory"));
    }
    const UniqueFd made = dir_.open_file(marker, O_RDWR | O_CREAT, 0600);
    const std::string text = cat(layout::kVersion, "\n");
    FdSink(made.get(), cat(label(), "/", layout::kFormat)).write(as_bytes(text));
    return;
  }
  FdSource source(std::move(*file), cat(label(), "/", layout::kFormat));
  const std::string text = read_all(source, kLimitBytes, "the store's format marker");
  int version = 0;  // stays 0 for a marker cut short by a power loss: the database knows as well
  std::from_chars(text.data(), text.data() + text.size(), version);
  if (version > layout::kVersion) refuse_newer(label(), version);
}

std::optional<std::string> StoreRoot::try_secret() {
  return secret_.with([&](std::optional<std::string>& secret) {
    if (!secret) secret = find_secret(dir_);
    return secret;
  });
}

std::string StoreRoot::secret() {
  ensure();
  return secret_.with([&](std::optional<std::string>& secret) {
    if (!secret) secret = find_or_make_secret(dir_);
    return *secret;
  });
}

bool StoreRoot::lock_alone() {
  // Turning a lock into another kind may let go of the first one; either way the shared one is
  // taken again.
  if (try_lock_file(presence_.file.get(), LockMode::exclusive)) return true;
  share_again();
  return false;
}

void StoreRoot::share_again() {
  lock_file(presence_.file.get(), LockMode::shared);
}

}  // namespace cooper::cache
