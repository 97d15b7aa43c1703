// Store::set_limit: cache/room.cc.
#include <sys/wait.h>

#include <atomic>
#include <thread>

#include "cache/disk_usage.h"
#include "cache/overhead.h"
#include "cache/room.h"
#include "tests/cache/store_fixture.h"

namespace cooper::cache {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
// Lock files, marks and the directories of a few more digests, made after the limit looked at them.
constexpr std::uint64_t kSmallThings = 256 * kKiB;

class Limit : public StoreTest {
 protected:
  std::unique_ptr<Store> open_within(std::uint64_t bytes) {
    auto store = open();
    store->set_limit({.bytes = bytes, .gave_up = [this](const oci::Reference& name) {
                        gave_up_.push_back(name.familiar());
                      }});
    return store;
  }
  std::uint64_t on_disk() const { return disk_usage(Dir::open(path(), Confine::strict), TreePath()); }
  static std::string layer(const std::string& name, std::uint64_t size_bytes) {
    std::string text = name;
    text.resize(size_bytes, '.');
    return text;
  }
  // As a build of its own would.
  static void build(Store& store, const std::string& name, std::uint64_t size_bytes) {
    const auto lease = store.lease();
    store.put_step(key_of(name), step_of(put_blob(store, layer(name, size_bytes))));
  }
  // What the record says, beside what is there.
  std::uint64_t recorded() const {
    StoreRoot root(path());
    return Room(root).total_bytes() - database_bytes(root.dir());
  }

  std::vector<std::string> gave_up_;
};

std::uint64_t in_blocks(std::uint64_t bytes) { return (bytes + 4095) / 4096 * 4096; }

TEST_F(Limit, is_never_exceeded_and_what_was_used_longest_ago_makes_room) {
  const auto store = open_within(2 * kMiB);
  for (int i = 0; i < 40; ++i) {
    build(*store, cat("layer ", i), 200 * kKiB);
    EXPECT_LE(on_disk(), 2 * kMiB + kSmallThings) << "after layer " << i;
    EXPECT_TRUE(store->find_step(key_of(cat("layer ", i))));
    EXPECT_TRUE(store->find_step(key_of("layer 0"))) << "used by every build: layer " << i;
  }
  EXPECT_FALSE(store->find_step(key_of("layer 1")));
  EXPECT_TRUE(store->find_step(key_of("layer 38")));
  EXPECT_THAT(store->verify(false), IsEmpty());
}

TEST_F(Limit, makes_room_at_once_in_a_store_that_is_larger) {
  for (int i = 0; i < 10; ++i) build(*open(), cat("layer ", i), 200 * kKiB);
  age_everything();
  EXPECT_TRUE(open()->find_step(key_of("layer 3")));
  const auto store = open_within(kMiB);
  EXPECT_LE(on_disk(), kMiB + kSmallThings);
  EXPECT_TRUE(store->find_step(key_of("layer 3")));
}

// Perhaps nothing is to come.
TEST_F(Limit, names_stay_until_something_comes) {
  {
    const auto store = open();
    store->put_name(name_of("app"), put_image(*store, "app").manifest, "now");
    put_blob(*store, layer("loose", 100 * kKiB));
  }
  age_everything();
  const auto store = open_within(16 * kKiB);
  EXPECT_FALSE(store->has(digest_of(layer("loose", 100 * kKiB))));
  EXPECT_TRUE(store->find_name(name_of("app")));
}

TEST_F(Limit, what_live_builds_use_stays_and_what_does_not_fit_is_refused) {
  const auto store = open_within(kMiB);
  const auto other = open();
  auto lease = other->lease();
  put_blob(*other, layer("in use", 700 * kKiB));
  const std::string large = layer("large", 500 * kKiB);
  expect_error(Errc::io, "the store limit of 1048576 bytes is reached: blob sha256:", [&] { put_blob(*store, large); });
  expect_error(Errc::io, "--store-limit", [&] { put_blob(*store, large); });
  EXPECT_FALSE(store->has(digest_of(large)));
  EXPECT_TRUE(other->has(digest_of(layer("in use", 700 * kKiB))));
  put_blob(*store, layer("small", 10 * kKiB));
  put_blob(*store, layer("in use", 700 * kKiB));  // there already: nothing grows
  EXPECT_LE(on_disk(), kMiB + kSmallThings);
  lease.reset();
  put_blob(*store, large);
  EXPECT_TRUE(store->has(digest_of(large)));
  EXPECT_FALSE(store->has(digest_of(layer("in use", 700 * kKiB))));
  EXPECT_THAT(store->verify(false), IsEmpty());
}

TEST_F(Limit, nothing_goes_for_what_can_never_fit) {
  const auto store = open_within(kMiB);
  store->put_name(name_of("app"), put_image(*store, "app").manifest, "now");
  build(*store, "step", 300 * kKiB);
  expect_error(Errc::io, "store limit", [&] { put_blob(*store, layer("huge", 2 * kMiB)); });
  EXPECT_TRUE(store->find_step(key_of("step")));
  EXPECT_TRUE(store->find_name(name_of("app")));
  EXPECT_THAT(gave_up_, IsEmpty());
}

TEST_F(Limit, names_go_last_the_longest_unused_first_and_are_told) {
  const auto store = open_within(2 * kMiB);
  for (const char* name : {"one", "two", "three"}) {
    const auto lease = store->lease();
    const oci::Descriptor layer_blob = put_blob(*store, layer(name, 500 * kKiB));
    oci::Manifest manifest;
    oci::ImageConfig config;
    config.platform = {.os = "linux", .architecture = "amd64"};
    config.diff_ids = {{layer_blob.digest.value}};
    manifest.config = put_blob(*store, oci::to_json(config), oci::kConfigType);
    manifest.layers = {layer_blob};
    store->put_name(name_of(name), put_blob(*store, oci::to_json(manifest), oci::kManifestType), "now");
  }
  EXPECT_TRUE(store->find_name(name_of("one")));
  for (int i = 0; i < 8; ++i) build(*store, cat("step ", i), 100 * kKiB);
  EXPECT_THAT(gave_up_, IsEmpty()) << "results of steps made room";
  build(*store, "large", 600 * kKiB);
  EXPECT_THAT(gave_up_, ElementsAre("two:latest"));
  EXPECT_TRUE(store->find_name(name_of("one")));
  EXPECT_FALSE(store->has(digest_of(layer("two", 500 * kKiB))));
  EXPECT_TRUE(store->has(digest_of(layer("three", 500 * kKiB))));
  EXPECT_THAT(store->verify(false), IsEmpty());
}

TEST_F(Limit, counts_trees_also_those_of_builds_without_one) {
  const std::string content(300 * kKiB, '.');
  put_plain_tree(*open(), "0", chain_of("before"), content);
  const auto store = open_within(kMiB);
  for (int i = 0; i < 6; ++i) {
    const auto lease = store->lease();
    put_plain_tree(*store, "0", chain_of(cat(i)), content);
    EXPECT_LE(on_disk(), kMiB + kSmallThings) << i;
    EXPECT_TRUE(store->find_tree("0", chain_of(cat(i))));
  }
  EXPECT_FALSE(store->find_tree("0", chain_of("before")));
  const auto lease = store->lease();
  EXPECT_TRUE(store->find_tree("0", chain_of("5")));
  expect_error(Errc::io, "store limit", [&] { put_plain_tree(*store, "0", chain_of("too large"), std::string(kMiB, '.')); });
  EXPECT_FALSE(store->find_tree("0", chain_of("too large")));
  EXPECT_TRUE(store->find_tree("0", chain_of("5")));
}

TEST_F(Limit, counts_cache_mounts_as_steps_leave_them) {
  const auto store = open_within(kMiB);
  build(*store, "old", 500 * kKiB);
  const auto mount = [&](const std::string& name) {
    return store->cache_mount({.mapping = "0", .identity = oci::sha256(name)}, [](const Dir&) {}, {});
  };
  {
    const auto lease = store->lease();
    const auto held = mount("c");
    write_file(fs::path(held->path()) / "file", layer("c", 700 * kKiB));
  }
  EXPECT_LE(on_disk(), kMiB + kSmallThings);
  EXPECT_FALSE(store->find_step(key_of("old")));
  EXPECT_EQ(names_in("mounts/0").size(), 2U) << "the mount and its mark";
  build(*store, "new", 500 * kKiB);
  EXPECT_LE(on_disk(), kMiB + kSmallThings);
  EXPECT_THAT(names_in("mounts/0"), IsEmpty());
}

// The record of the total follows whatever happens to rows, in processes without a limit too.
TEST_F(Limit, the_record_is_what_is_there) {
  { open_within(100 * kMiB); }
  EXPECT_EQ(recorded(), 0U);
  const auto store = open();
  put_blob(*store, layer("a", 10000));
  put_blob(*store, layer("b", 4097));
  store->put_table(diff_of("a"), "table");
  EXPECT_EQ(recorded(), in_blocks(10000) + in_blocks(4097) + 4096);
  store->put_table(diff_of("a"), layer("another", 5000));
  EXPECT_EQ(recorded(), in_blocks(10000) + in_blocks(4097) + in_blocks(5000));
  put_plain_tree(*store, "0", chain_of("t"), layer("t", 9000));
  (void)store->size_bytes();  // measures it
  const std::uint64_t tree = disk_usage(Dir::open(path(), Confine::strict), layout::tree("0", chain_of("t").value));
  EXPECT_EQ(recorded(), in_blocks(10000) + in_blocks(4097) + in_blocks(5000) + tree);
  fs::permissions(blob_path(layer("a", 10000)), fs::perms::owner_all);
  fs::resize_file(blob_path(layer("a", 10000)), 2);
  EXPECT_FALSE(store->has(digest_of(layer("a", 10000))));
  EXPECT_EQ(recorded(), in_blocks(4097) + in_blocks(5000) + tree);
  store->prune({});
  EXPECT_EQ(recorded(), 0U);
}

TEST_F(Limit, a_tree_that_went_behind_its_back_is_not_counted) {
  { put_plain_tree(*open_within(100 * kMiB), "0", chain_of("t"), layer("t", 700 * kKiB)); }
  fs::remove_all(path() / "trees");
  const auto store = open_within(kMiB);
  put_blob(*store, layer("b", 700 * kKiB));
  EXPECT_EQ(recorded(), in_blocks(700 * kKiB));
}

TEST_F(Limit, a_leftover_that_it_does_not_count_is_no_room_made) {
  put_plain_tree(*open(), "0", chain_of("t"), layer("t", 700 * kKiB));
  put_blob(*open(), layer("lost", 700 * kKiB));
  // As a removal leaves it that was killed after its record and before its file.
  StoreRoot(path()).with_db([](Database& database) { database.execute("DELETE FROM objects"); });
  age_everything();
  const auto store = open_within(kMiB);
  put_blob(*store, layer("b", 700 * kKiB));
  EXPECT_LE(on_disk(), kMiB + kSmallThings);
  EXPECT_THAT(store->verify(false), testing::IsEmpty());
}

// Two that fill one store: together they stay below the limit, each with what it has in flight.
TEST_F(Limit, holds_for_processes_together) {
  constexpr int kProcesses = 2;
  constexpr int kRounds = 30;
  constexpr std::uint64_t kLayer = 150 * kKiB;
  { open_within(kMiB); }
  std::uint64_t most = 0;
  std::atomic<bool> done{false};
  std::jthread sampler;
  const auto fill = [&](int number) {
    int held = 0;
    for (int round = 0; round < kRounds; ++round) {
      const auto store = open_within(kMiB);
      const auto lease = store->lease();
      const std::string text = layer(cat("layer ", number, " ", round), kLayer);
      try {
        store->put_step(key_of(text), step_of(put_blob(*store, text)));
        put_plain_tree(*store, "0", chain_of(text), text);
      } catch (const Error& error) {
        // The other one did much while we stood still: all of it counts as in use.
        if (std::string(error.what()).find("store limit") == std::string::npos) throw;
        continue;
      }
      if (get_blob(*store, text) != text || !store->find_tree("0", chain_of(text))) return 1;
      ++held;
    }
    return held < kRounds / 3 ? 2 : 0;
  };
  in_processes(kProcesses, fill, [&] {
    sampler = std::jthread([&] {
      while (!done) most = std::max<std::uint64_t>(most, on_disk());
    });
  });
  done = true;
  sampler.join();
  EXPECT_LE(most, kMiB + kProcesses * 2 * kLayer + kSmallThings);
  EXPECT_GT(most, kMiB / 2);
  EXPECT_LE(on_disk(), kMiB + kSmallThings);
  EXPECT_THAT(open()->verify(false), IsEmpty());
}

}  // namespace
}  // namespace cooper::cache
