// Opening, refusing, sweeping: cache/store_root.cc, cache/ingest.cc.
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>

#include "base/unique_fd.h"
#include "tests/base/own_mounts.h"
#include "tests/cache/store_fixture.h"

namespace cooper::cache {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Opening = StoreTest;
using Sweep = StoreTest;

void run_sql(const fs::path& file, const char* sql) {
  sqlite3* connection = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &connection), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(connection, sql, nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(connection);
}

TEST_F(Opening, makes_the_directory_and_its_parents_for_the_owner_only) {
  const auto store = Store::open(path() / "deep/er");
  EXPECT_EQ(store->path(), path() / "deep/er");
  EXPECT_EQ(fs::status(path() / "deep/er").permissions(), fs::perms::owner_all);
  EXPECT_EQ(store->size_bytes(), 0U);
  EXPECT_THAT(store->names(), IsEmpty());
  EXPECT_THAT(store->verify(false), IsEmpty());
}

TEST_F(Opening, the_same_directory_twice_in_one_process_shares_it) {
  const auto one = open();
  const auto two = open();
  put_layer_step(*one, "step");
  EXPECT_TRUE(two->find_step(key_of("step")));
}

TEST_F(Opening, accepts_an_empty_volume) {
  fs::create_directories(path() / "lost+found");
  put_blob(*open(), "x");
}

TEST_F(Opening, refuses_a_directory_full_of_something_else) {
  fs::create_directories(path() / "blobs");
  expect_error(Errc::invalid, path().string(), [&] { open(); });
  EXPECT_THAT(names_in(""), ElementsAre("blobs")) << "nothing is put there";
}

TEST_F(Opening, refuses_a_path_that_is_a_file) {
  write_file(path(), "x");
  expect_error(Errc::io, path().string(), [&] { open(); });
}

TEST_F(Opening, refuses_a_newer_format_in_the_database) {
  { put_blob(*open(), "x"); }
  run_sql(path() / "cooper.db", "PRAGMA user_version=2");
  expect_error(Errc::unsupported, "newer cooper", [&] { open(); });
}

TEST_F(Opening, refuses_a_newer_format_in_the_marker) {
  { put_blob(*open(), "x"); }
  write_file(path() / "format", "2\n");
  expect_error(Errc::unsupported, "format 2", [&] { open(); });
}

TEST_F(Opening, continues_after_a_marker_or_a_database_cut_short) {
  { put_blob(*open(), "x"); }
  write_file(path() / "format", "");
  EXPECT_TRUE(open()->has(digest_of("x")));
  for (const char* name : {"cooper.db", "cooper.db-wal", "cooper.db-shm"})
    fs::remove(path() / name);
  write_file(path() / "cooper.db", "");
  const auto store = open();
  EXPECT_FALSE(store->has(digest_of("x")));
  put_blob(*store, "x");
  EXPECT_EQ(get_blob(*store, "x"), "x");
}

TEST_F(Opening, of_a_damaged_database_tells_the_cure_and_the_cure_works) {
  { put_layer_step(*open(), "step"); }
  fs::remove(path() / "cooper.db-wal");
  write_file(path() / "cooper.db", std::string(8192, 'x'));
  const auto store = open();
  expect_error(Errc::corrupt, "cooper prune --all", [&] { store->find_step(key_of("step")); });
  expect_error(Errc::corrupt, (path() / "cooper.db").string(), [&] { put_blob(*store, "y"); });
  EXPECT_EQ(store->prune({.all = true}).removed_objects, 1U);
  EXPECT_TRUE(fs::is_empty(path()));
  put_blob(*store, "y");
  EXPECT_EQ(get_blob(*store, "y"), "y");
}

TEST_F(Opening, of_a_read_only_directory_is_a_clear_error) {
  { put_blob(*open(), "x"); }
  run_with_own_mounts([&] {
    const std::string store = path().string();
    const char* target = store.c_str();
    if (::mount(target, target, nullptr, MS_BIND, nullptr) != 0) return 1;
    if (::mount(nullptr, target, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0) return 2;
    try {
      open();
    } catch (const Error& error) {
      const std::string text = error.what();
      if (error.code() != Errc::denied) return 3;
      return text.find(path().string()) == std::string::npos ? 4 : 0;
    }
    return 5;
  });
}

TEST_F(Opening, of_a_directory_without_permission_is_denied) {
  fs::create_directories(path());
  fs::permissions(path(), fs::perms::owner_read | fs::perms::owner_exec);
  if (::geteuid() == 0) {
    put_blob(*open(), "root may");
  } else {
    expect_error(Errc::denied, path().string(), [&] { open(); });
  }
  fs::permissions(path(), fs::perms::owner_all);
}

// Whoever opens the store has to read the log.
TEST_F(Opening, leaves_no_long_log_to_the_next_one) {
  auto store = open();
  const auto write = [&](int records) {
    for (int i = 0; i < records; ++i) store->put_fact("kind", std::to_string(i), "value");
    store.reset();
    const std::uintmax_t log_bytes = fs::file_size(path() / "cooper.db-wal");
    store = open();
    return log_bytes;
  };
  EXPECT_GT(write(1), 0U) << "no build waits for the disk over one record";
  EXPECT_EQ(write(300), 0U);
  EXPECT_EQ(store->find_fact("kind", "299"), "value");
}

TEST_F(Sweep, removes_what_a_killed_writer_left_and_keeps_what_a_live_one_has) {
  const auto live = open();
  const TempDir kept = live->scratch("live-");
  Pipe begun = make_pipe();
  const pid_t child = ::fork();
  if (child == 0) {
    const auto store = open();
    const auto writer = store->new_blob();
    writer->write(as_bytes("half of a blob"));
    const TempDir tree = store->new_tree("0");
    fs::create_directories(fs::path(tree.host_path()) / "a/b");
    fs::permissions(fs::path(tree.host_path()) / "a", fs::perms::none);
    if (::write(begun.write_end.get(), "x", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(begun.read_end.get(), &byte, 1), 1);
  open();
  EXPECT_EQ(names_in("ingest").size(), 2U) << "both owners live";
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  const auto store = open();
  EXPECT_EQ(names_in("ingest").size(), 1U);
  EXPECT_TRUE(fs::exists(kept.host_path()));
  EXPECT_THAT(store->verify(false), IsEmpty());
}

TEST_F(Sweep, a_store_that_goes_takes_its_ingest_directory_along) {
  { put_blob(*open(), "x"); }
  EXPECT_THAT(names_in("ingest"), IsEmpty());
}

TEST_F(Sweep, scratch_has_the_prefix_and_vanishes) {
  const auto store = open();
  fs::path host;
  {
    const TempDir scratch = store->scratch("upper-");
    host = scratch.host_path();
    EXPECT_THAT(host.filename().string(), ::testing::StartsWith("upper-"));
    EXPECT_THAT(host.string(), ::testing::StartsWith((path() / "ingest").string()));
  }
  EXPECT_FALSE(fs::exists(host));
}

TEST_F(Opening, digests_have_a_directory) {
  const auto store = open();
  const Dir digests = store->digests_dir();
  EXPECT_TRUE(digests.open_file(TreePath::clean("x"), O_RDWR | O_CREAT, 0600));
  EXPECT_TRUE(fs::exists(path() / "digests/x"));
}

}  // namespace
}  // namespace cooper::cache
