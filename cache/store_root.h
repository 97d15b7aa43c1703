// The store's directory and its database: made when absent, refused when foreign or newer, opened
// again after prune emptied everything.
//
// Every open store holds a shared lock on the directory itself; who gets it exclusively is alone
// and may remove the database. Nothing else removes it: SQLite must never find a log beside a
// database it does not belong to.
#pragma once

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "base/dir.h"
#include "base/guarded.h"
#include "cache/database.h"
#include "cache/file_lock.h"
#include "cache/secret.h"

namespace cooper::cache {

class StoreRoot {
 public:
  // Error(denied|io) names the path, Error(invalid) a directory full of something else,
  // Error(unsupported) a newer format. A damaged database is told by the first call that needs it,
  // so that prune --all can still be asked.
  explicit StoreRoot(const std::filesystem::path& path);

  const std::filesystem::path& path() const noexcept { return path_; }
  const std::string& label() const noexcept { return dir_.label(); }
  const Dir& dir() const noexcept { return dir_; }

  // body(Database&), one caller at a time.
  template <class Body>
  decltype(auto) with_db(Body&& body) {
    return database_.with([&](std::optional<Database>& database) {
      if (!database) {
        database.emplace(open_database());
        ready_ = true;
      }
      return std::forward<Body>(body)(*database);
    });
  }

  // Before anything is put into the directory: it must be known as a store by then.
  void ensure() {
    if (!ready_) with_db([](Database&) {});
  }

  // The store's secret (cache/secret.h): the one that is there, or a new one.
  std::optional<std::string> try_secret();
  std::string secret();

  // When no other store object anywhere has this directory open: closes the database and calls
  // body, which may remove everything; the next use starts afresh. False: somebody is there.
  template <class Body>
  [[nodiscard]] bool alone(Body&& body) {
    return database_.with([&](std::optional<Database>& database) {
      database.reset();  // first: the shared lock may be lost for a moment while the other is tried
      ready_ = false;
      secret_.with([](std::optional<std::string>& secret) { secret.reset(); });
      if (!lock_alone()) return false;
      try {
        body();
      } catch (...) {  // rethrown: only the lock is put back
        share_again();
        throw;
      }
      share_again();
      return true;
    });
  }

 private:
  Database open_database() const;
  void make_format() const;
  bool lock_alone();
  void share_again();

  std::filesystem::path path_;
  Dir dir_;
  LockedFile presence_;  // the directory, locked; declared after dir_ and before the database that
                         // it protects
  Guarded<std::optional<Database>> database_;
  Guarded<std::optional<std::string>> secret_;
  std::atomic<bool> ready_{false};  // the database is open, so the marker is there
};

}  // namespace cooper::cache
