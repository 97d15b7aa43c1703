// One SQLite connection: prepared statements kept, failures told as Error. Not thread-safe (StoreDb
// guards it).
//
// SQLITE_FULL and ENOSPC are Error(io) "disk full", a damaged file is Error(corrupt), a file or
// directory that cannot be written is Error(denied); each names the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "oci/digest.h"

struct sqlite3;
struct sqlite3_stmt;

namespace cooper::cache {

class Database;

// A power loss may take back the last transactions, never damage the file (sqlite.org/wal.html).
inline constexpr const char* kNormalSync = "PRAGMA synchronous=NORMAL";

// A prepared statement in use; it is reset when the Query goes. Bind left to right, then step.
class Query {
 public:
  Query(const Database& database, sqlite3_stmt* statement) noexcept
      : database_(&database), statement_(statement) {}
  Query(Query&& other) noexcept
      : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}
  Query& operator=(Query&&) = delete;
  ~Query();

  Query& text(std::string_view value);
  Query& bytes(std::string_view value);
  Query& digest(const oci::Digest& value);
  Query& integer(std::int64_t value);
  Query& size(std::uint64_t value) { return integer(static_cast<std::int64_t>(value)); }
  Query& null();

  bool step();         // true: a row is there
  std::int64_t run();  // to the end; rows changed by it

  bool is_null(int column) const;
  std::int64_t get_integer(int column) const;
  std::uint64_t get_size(int column) const {
    return static_cast<std::uint64_t>(get_integer(column));
  }
  std::string get_string(int column) const;                 // text or bytes
  std::optional<oci::Digest> get_digest(int column) const;  // nullopt: null or not 32 bytes

 private:
  const Database* database_;
  sqlite3_stmt* statement_;
  int next_ = 1;
};

class Database {
 public:
  // Opens or creates the file.
  explicit Database(const std::filesystem::path& file);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) = delete;
  ~Database();

  // sql is a literal: statements are kept by its text. One Query per text at a time.
  Query query(const char* sql);
  void execute(const char* sql);  // several statements, no parameters, no rows
  int user_version();

  // All or nothing: body's exception rolls back.
  template <class Body>
  void transaction(Body&& body) {
    execute("BEGIN IMMEDIATE");
    try {
      body();
      execute("COMMIT");
    } catch (...) {  // rethrown: only the rollback is added
      roll_back();
      throw;
    }
  }

 private:
  friend class Query;
  struct Close {
    void operator()(sqlite3* connection) const noexcept;
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };

  [[noreturn]] void fail(int code) const;
  void roll_back() noexcept;

  std::string name_;
  std::unique_ptr<sqlite3, Close> connection_;
  std::map<std::string, std::unique_ptr<sqlite3_stmt, Finalize>, std::less<>> statements_;
};

}  // namespace cooper::cache
