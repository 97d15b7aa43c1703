#include "cache/cache_mounts.h"

#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include <signal.h>

#include "tests/cache/store_fixture.h"

namespace cooper::cache {
namespace {

using Sharing = CacheMountRequest::Sharing;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class CacheMountsTest : public StoreTest {
 protected:
  static CacheMountRequest request(Sharing sharing = Sharing::shared) {
    CacheMountRequest wanted;
    wanted.mapping = "0";
    wanted.identity = oci::sha256("cache");
    wanted.sharing = sharing;
    wanted.description = "id cache";
    return wanted;
  }
  std::unique_ptr<CacheMount> take(Store& store, const CacheMountRequest& wanted = request(),
                                   std::stop_token stop = {}) {
    return store.cache_mount(
        wanted, [this](const Dir&) { ++filled_; }, std::move(stop));
  }
  fs::path directory() const { return path() / "mounts/0"; }

  std::atomic<int> filled_{0};
};

TEST_F(CacheMountsTest, MNT_15_survives_and_is_filled_once) {
  const auto store = open();
  {
    const auto mount = store->cache_mount(
        request(), [](const Dir& dir) { dir.make_dir(layout::path("seed"), 0755); }, {});
    EXPECT_TRUE(fs::exists(fs::path(mount->path()) / "seed"));
    write_file(fs::path(mount->path()) / "kept", "x");
  }
  const auto again = open();
  EXPECT_TRUE(fs::exists(fs::path(take(*again)->path()) / "kept"));
  EXPECT_EQ(filled_, 0);
}

TEST_F(CacheMountsTest, MNT_14_other_identities_and_mappings_are_other_directories) {
  const auto store = open();
  const auto mount = take(*store);
  CacheMountRequest other = request();
  other.identity = oci::sha256("other");
  EXPECT_NE(take(*store, other)->path(), mount->path());
  other = request();
  other.mapping = "sub-1-2";
  EXPECT_NE(take(*store, other)->path(), mount->path());
}

TEST_F(CacheMountsTest, MNT_18_shared_users_see_one_directory) {
  const auto store = open();
  const auto other = open();
  const auto first = take(*store);
  const auto second = take(*other);
  EXPECT_EQ(first->path(), second->path());
  EXPECT_EQ(filled_, 1);
}

TEST_F(CacheMountsTest, MNT_18_private_users_have_their_own_and_free_ones_are_used_again) {
  const auto store = open();
  auto first = take(*store, request(Sharing::exclusive));
  const auto second = take(*store, request(Sharing::exclusive));
  EXPECT_NE(first->path(), second->path());
  const std::string path = first->path();
  first.reset();
  EXPECT_EQ(take(*store, request(Sharing::exclusive))->path(), path);
  EXPECT_EQ(filled_, 2);
}

TEST_F(CacheMountsTest, MNT_18_the_second_locked_user_waits) {
  const auto store = open();
  auto first = take(*store, request(Sharing::locked));
  std::atomic<bool> got = false;
  std::jthread waiter([&] {
    const auto second = take(*store, request(Sharing::locked));
    got = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(120));
  EXPECT_FALSE(got);
  first.reset();
  waiter.join();
  EXPECT_TRUE(got);
  EXPECT_EQ(filled_, 1);
}

TEST_F(CacheMountsTest, MNT_18_a_dead_users_lock_is_free) {
  const auto store = open();
  take(*store);  // made
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = open()->cache_mount(request(Sharing::locked), [](const Dir&) {}, {});
    static_cast<void>(::write(ready[1], "x", 1));
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::kill(child, SIGKILL);
  EXPECT_EQ(take(*store, request(Sharing::locked))->path(), (directory() / (request().identity.hex() + "-0")).string());
  ::waitpid(child, nullptr, 0);
}

TEST_F(CacheMountsTest, waiting_can_be_stopped) {
  const auto store = open();
  const auto first = take(*store, request(Sharing::locked));
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    stop.request_stop();
  });
  expect_error(Errc::cancelled, "waiting for another step's cache mount",
               [&] { take(*store, request(Sharing::locked), stop.get_token()); });
}

TEST_F(CacheMountsTest, a_failed_beginning_leaves_nothing) {
  const auto store = open();
  expect_error(Errc::invalid, "no", [&] {
    store->cache_mount(request(), [](const Dir&) { throw Error(Errc::invalid, "no"); }, {});
  });
  EXPECT_FALSE(fs::exists(directory() / (request().identity.hex() + "-0")));
  take(*store);
  EXPECT_EQ(filled_, 1);
}

TEST_F(CacheMountsTest, MNT_17_fresh_ones_begin_again_and_spare_who_uses_it) {
  const auto store = open();
  CacheMountRequest fresh = request();
  fresh.fresh = true;
  write_file(fs::path(take(*store)->path()) / "old", "x");
  EXPECT_TRUE(fs::is_empty(take(*store, fresh)->path()));
  const auto user = take(*store);
  write_file(fs::path(user->path()) / "in use", "x");
  EXPECT_TRUE(fs::is_empty(take(*store, fresh)->path()));
  EXPECT_TRUE(fs::exists(fs::path(user->path()) / "in use"));
}

TEST_F(CacheMountsTest, prune_removes_what_nobody_uses) {
  const auto store = open();
  {
    const auto mount = take(*store);
    store->prune({});
    EXPECT_TRUE(fs::exists(mount->path())) << "a step has it";
  }
  const PruneResult result = store->prune({});
  EXPECT_EQ(result.removed_objects, 1U);
  EXPECT_THAT(names_in("mounts/0"), IsEmpty());
}

TEST_F(CacheMountsTest, prune_spares_what_a_live_build_has_used) {
  const auto build = open();
  const auto lease = build->lease();
  const std::string used = take(*build)->path();
  const auto store = open();
  for (const bool all : {false, true}) {
    store->prune({.all = all});
    EXPECT_TRUE(fs::exists(used));
  }
}

TEST_F(CacheMountsTest, sizes_count) {
  const auto store = open();
  const auto mount = take(*store);
  const std::uint64_t before = store->size_bytes();
  write_file(fs::path(mount->path()) / "big", std::string(1 << 20, 'x'));
  EXPECT_GE(store->size_bytes(), before + (1 << 20));
}

TEST_F(CacheMountsTest, verify_knows_them_and_tells_strangers) {
  const auto store = open();
  take(*store);
  EXPECT_THAT(store->verify(false), IsEmpty());
  write_file(path() / "mounts/stray", "x");
  fs::create_directories(path() / "mounts/0/other");
  EXPECT_THAT(store->verify(true), UnorderedElementsAre(HasSubstr("mounts/stray is not a cache mount"),
                                                        HasSubstr("mounts/0/other is not a cache mount")));
  EXPECT_THAT(store->verify(false), IsEmpty());
}

}  // namespace
}  // namespace cooper::cache
