#include "cache/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/unique_fd.h"
#include "cache/disk_full.h"

namespace cooper::cache {
namespace {

constexpr int kBusySeconds = 60;
// Frames of 4 KiB in the log before it is folded into the file, which makes a build wait for the disk: at once, and when
// a connection closes. What is left in the log is read by the next one that opens it, at 1.5 to 20 µs a frame.
constexpr int kCheckpointPages = 1000;
constexpr int kCheckpointPagesAtClose = 200;

std::int64_t monotonic_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// Called by SQLite while another process holds the lock it wants. Write transactions last well
// under a millisecond here, so the sleeps start short (SQLite's own handler starts at 1 ms and soon
// sleeps 100).
int wait_while_busy(void*, int attempt) {
  thread_local std::int64_t started_ms = 0;
  if (attempt == 0) started_ms = monotonic_ms();
  if (monotonic_ms() - started_ms > std::int64_t{kBusySeconds} * 1000) return 0;
  constexpr long kFirstNs = 100'000;
  constexpr long kLongestNs = 5'000'000;
  const timespec pause{.tv_sec = 0,
                       .tv_nsec = std::min(kLongestNs, kFirstNs << std::min(attempt, 6))};
  ::nanosleep(&pause, nullptr);
  return 1;
}

}  // namespace

void Database::Close::operator()(sqlite3* connection) const noexcept {
  sqlite3_close_v2(connection);
}
void Database::Finalize::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

Database::Database(const std::filesystem::path& file) : name_(file.string()) {
  // Records hold the environment of steps, build arguments too: for nobody but the store's owner. The log takes the
  // mode of the database. Only who makes the file may close it again: closing another descriptor of it would drop SQLite's locks.
  { const UniqueFd made(::open(name_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)); }
  sqlite3* opened = nullptr;
  const int code =
      sqlite3_open_v2(name_.c_str(), &opened,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  connection_.reset(opened);
  if (code != SQLITE_OK) fail(code);
  sqlite3_extended_result_codes(opened, 1);
  sqlite3_busy_handler(opened, wait_while_busy, nullptr);
  sqlite3_wal_autocheckpoint(opened, kCheckpointPages);
  // Folding the log at every exit would make a build that wrote one record wait for the disk: see ~Database.
  sqlite3_db_config(opened, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  if (sqlite3_db_readonly(opened, "main") == 1) {
    throw Error(Errc::denied, cat("store database ", name_, " cannot be written (COOPER_ROOT may name another store)"));
  }
  execute(kNormalSync);
}

Database::Database(Database&&) noexcept = default;

Database::~Database() {
  constexpr off_t kFrameBytes = 24 + 4096;
  struct stat log {};
  if (!connection_ || ::stat((name_ + "-wal").c_str(), &log) != 0) return;
  if (log.st_size <= kCheckpointPagesAtClose * kFrameBytes) return;
  // Without waiting for others, who will do it as well; what can't be done now is still in the log.
  sqlite3_busy_handler(connection_.get(), nullptr, nullptr);
  sqlite3_wal_checkpoint_v2(connection_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
}

Query Database::query(const char* sql) {
  auto found = statements_.find(std::string_view(sql));
  if (found == statements_.end()) {
    sqlite3_stmt* made = nullptr;
    const int code =
        sqlite3_prepare_v3(connection_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr);
    if (code != SQLITE_OK) fail(code);
    found = statements_.emplace(sql, std::unique_ptr<sqlite3_stmt, Finalize>(made)).first;
  }
  return {*this, found->second.get()};
}

void Database::execute(const char* sql) {
  const int code = sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

int Database::user_version() {
  Query version = query("PRAGMA user_version");
  return version.step() ? static_cast<int>(version.get_integer(0)) : 0;
}

void Database::roll_back() noexcept {
  // A failed COMMIT or a full disk may have ended the transaction already.
  if (sqlite3_get_autocommit(connection_.get()) == 0) {
    sqlite3_exec(connection_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

void Database::fail(int code) const {
  const int errnum = connection_ ? sqlite3_system_errno(connection_.get()) : 0;
  const int primary = code & 0xff;  // the rest is the extended code
  const bool file_trouble = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN;
  const std::string reason = connection_ ? sqlite3_errmsg(connection_.get()) : sqlite3_errstr(code);
  if (primary == SQLITE_FULL || (file_trouble && (errnum == ENOSPC || errnum == EDQUOT))) {
    throw DiskFull(cat("no room left for the store database ", name_));
  }
  if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) {
    throw Error(Errc::corrupt, cat("store database ", name_, " is damaged (", reason,
                                   "); `cooper prune --all` starts the store afresh"));
  }
  const bool forbidden = file_trouble && (errnum == EACCES || errnum == EPERM || errnum == EROFS);
  if (primary == SQLITE_READONLY || primary == SQLITE_PERM || forbidden) {
    throw Error(Errc::denied, cat("store database ", name_, " cannot be written (", reason, ")"));
  }
  if (primary == SQLITE_BUSY) {
    throw Error(Errc::io, cat("store database ", name_, " was locked by other processes for ",
                              kBusySeconds, " seconds"));
  }
  throw Error(Errc::io, cat("store database ", name_, ": ", reason));
}

Query::~Query() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

// SQLITE_STATIC would ask every caller to keep its text alive until step; the copies are small.
Query& Query::text(std::string_view value) {
  const int code = sqlite3_bind_text64(statement_, next_++, value.data(), value.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) database_->fail(code);
  return *this;
}

Query& Query::bytes(std::string_view value) {
  // A null pointer would bind NULL, not an empty value.
  const char* data = value.empty() ? "" : value.data();
  const int code = sqlite3_bind_blob64(statement_, next_++, data, value.size(), SQLITE_TRANSIENT);
  if (code != SQLITE_OK) database_->fail(code);
  return *this;
}

Query& Query::digest(const oci::Digest& value) {
  return bytes({reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size()});
}

Query& Query::integer(std::int64_t value) {
  const int code = sqlite3_bind_int64(statement_, next_++, value);
  if (code != SQLITE_OK) database_->fail(code);
  return *this;
}

Query& Query::null() {
  ++next_;  // parameters are null until bound
  return *this;
}

bool Query::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) database_->fail(code);
  return false;
}

std::int64_t Query::run() {
  while (step()) {
  }
  return sqlite3_changes64(database_->connection_.get());
}

bool Query::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::int64_t Query::get_integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string Query::get_string(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return data == nullptr ? std::string() : std::string(static_cast<const char*>(data), size);
}

std::optional<oci::Digest> Query::get_digest(int column) const {
  oci::Digest digest;
  const std::string found = get_string(column);
  if (found.size() != digest.bytes.size()) return std::nullopt;
  std::memcpy(digest.bytes.data(), found.data(), found.size());
  return digest;
}

}  // namespace cooper::cache
