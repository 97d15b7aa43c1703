// Leases and prune: cache/leases.cc, cache/prune.cc, cache/wipe.cc.
#include <signal.h>

#include <atomic>
#include <thread>

#include "base/unique_fd.h"
#include "cache/objects.h"
#include "tests/cache/store_fixture.h"

namespace cooper::cache {
namespace {

using ::testing::IsEmpty;
using Prune = StoreTest;
using Leased = StoreTest;

TEST_F(Prune, removes_what_no_name_reaches_and_keeps_images_whole) {
  const auto store = open();
  const TestImage image = put_image(*store, "kept");
  store->put_name(name_of("kept"), image.manifest, "now");
  store->put_step(key_of("kept"), step_of(image.layer));
  put_plain_tree(*store, "0", image.chain, "tree");
  put_layer_step(*store, "loose");
  store->put_table(diff_of("loose"), "table");
  put_plain_tree(*store, "0", chain_of("loose"), "tree");
  store->put_fact("kind", "key", "value");
  const std::uint64_t before = store->size_bytes();

  const PruneResult result = store->prune({});
  EXPECT_EQ(result.removed_objects, 3U);
  EXPECT_EQ(result.freed_bytes, before - store->size_bytes());
  EXPECT_EQ(store->find_step(key_of("loose")), std::nullopt);
  EXPECT_EQ(table_text(*store, diff_of("loose")), std::nullopt);
  EXPECT_FALSE(store->find_tree("0", chain_of("loose")));
  EXPECT_FALSE(store->has(digest_of("layer of loose")));

  EXPECT_EQ(store->find_name(name_of("kept")), image.manifest);
  for (const oci::Descriptor& blob : {image.manifest, image.config, image.layer}) {
    EXPECT_TRUE(store->has(blob.digest));
  }
  EXPECT_TRUE(store->find_step(key_of("kept"))) << "a record whose layer an image keeps stays";
  EXPECT_EQ(table_text(*store, image.diff_id), "table of kept");
  EXPECT_TRUE(store->find_tree("0", image.chain));
  EXPECT_EQ(store->find_fact("kind", "key"), "value");
  EXPECT_THAT(store->verify(false), IsEmpty());
}

TEST_F(Prune, follows_an_index_to_its_manifests) {
  const auto store = open();
  const TestImage image = put_image(*store, "one");
  oci::Index index;
  index.manifests = {image.manifest};
  const oci::Descriptor root = put_blob(*store, oci::to_json(index), oci::kIndexType);
  store->put_name(name_of("multi"), root, "now");
  EXPECT_EQ(store->prune({}).removed_objects, 0U);
  EXPECT_TRUE(store->has(image.layer.digest));
}

TEST_F(Prune, removes_records_without_a_layer) {
  const auto store = open();
  store->put_step(key_of("bare"), {.inputs = "x", .layer = std::nullopt, .created = "y"});
  store->prune({});
  EXPECT_EQ(store->find_step(key_of("bare")), std::nullopt);
}

TEST_F(Prune, older_than_goes_by_last_use) {
  const auto store = open();
  put_layer_step(*store, "old");
  put_layer_step(*store, "used again");
  age_everything();
  put_layer_step(*store, "new");
  EXPECT_TRUE(store->find_step(key_of("used again")));
  EXPECT_EQ(store->prune({.older_than = std::chrono::hours(24)}).removed_objects, 1U);
  EXPECT_FALSE(store->find_step(key_of("old")));
  EXPECT_TRUE(store->find_step(key_of("used again")));
  EXPECT_TRUE(store->find_step(key_of("new")));
}

TEST_F(Prune, keep_bytes_removes_the_least_recently_used_until_it_fits) {
  const auto store = open();
  const std::string padding(1000, '.');
  for (const char* name : {"a", "b", "c", "d"}) put_blob(*store, name + padding);
  age_everything();
  for (const char* name : {"c", "a"}) EXPECT_TRUE(store->has(digest_of(name + padding)));
  const PruneResult result = store->prune({.keep_bytes = 2500});
  EXPECT_EQ(result.removed_objects, 2U);
  EXPECT_EQ(store->size_bytes(), 2002U);
  EXPECT_TRUE(store->has(digest_of("a" + padding)));
  EXPECT_TRUE(store->has(digest_of("c" + padding)));
}

TEST_F(Prune, all_with_keep_bytes_gives_up_the_least_recently_used_image_whole) {
  const auto store = open();
  for (const char* name : {"one", "two"}) {
    store->put_name(name_of(name), put_image(*store, name).manifest, "now");
  }
  age_everything();
  EXPECT_TRUE(store->find_name(name_of("one")));
  store->prune({.all = true, .keep_bytes = store->size_bytes() - 1});
  EXPECT_TRUE(store->find_name(name_of("one")));
  EXPECT_FALSE(store->find_name(name_of("two")));
  EXPECT_TRUE(store->has(digest_of("layer of one")));
  EXPECT_FALSE(store->has(digest_of("layer of two")));
  EXPECT_THAT(store->verify(false), IsEmpty());
}

TEST_F(Prune, all_keeps_what_another_image_shares) {
  const auto store = open();
  const TestImage image = put_image(*store, "base");
  oci::Manifest other;
  other.config = image.config;
  other.layers = {image.layer, put_blob(*store, "upper layer")};
  const oci::Descriptor root = put_blob(*store, oci::to_json(other), oci::kManifestType);
  store->put_name(name_of("base"), image.manifest, "now");
  store->put_name(name_of("other"), root, "now");
  age_everything();
  EXPECT_TRUE(store->find_name(name_of("other")));
  store->prune({.all = true, .older_than = std::chrono::hours(24)});
  EXPECT_FALSE(store->find_name(name_of("base")));
  EXPECT_TRUE(store->find_name(name_of("other")));
  EXPECT_TRUE(store->has(image.layer.digest));
}

TEST_F(Prune, all_leaves_an_empty_directory_that_can_be_used_again) {
  const auto store = open();
  const TestImage image = put_image(*store, "image");
  store->put_name(name_of("image"), image.manifest, "now");
  put_plain_tree(*store, "0", image.chain, "tree");
  store->put_fact("kind", "key", "value");
  store->digests_dir();
  store->cache_mount({.mapping = "0", .identity = oci::sha256("c")}, [](const Dir&) {}, {});
  EXPECT_EQ(store->prune({.all = true}).removed_objects, 6U);
  EXPECT_TRUE(fs::is_empty(path()));
  EXPECT_EQ(store->size_bytes(), 0U);
  EXPECT_EQ(store->find_name(name_of("image")), std::nullopt);
  put_blob(*store, "again");
  EXPECT_EQ(get_blob(*open(), "again"), "again");
}

TEST_F(Prune, all_beside_another_open_store_removes_the_objects_and_keeps_the_database) {
  const auto other = open();
  const auto store = open();
  store->put_name(name_of("image"), put_image(*store, "image").manifest, "now");
  put_layer_step(*store, "step");
  store->put_fact("kind", "key", "value");
  store->prune({.all = true});
  EXPECT_TRUE(fs::exists(path() / "cooper.db"));
  EXPECT_EQ(other->size_bytes(), 0U);
  EXPECT_THAT(other->names(), IsEmpty());
  EXPECT_EQ(other->find_fact("kind", "key"), std::nullopt);
  put_layer_step(*other, "step");
  EXPECT_TRUE(store->find_step(key_of("step"))) << "both still share one database";
}

TEST_F(Prune, all_touches_nothing_that_is_not_the_stores) {
  const auto store = open();
  write_file(path() / "notes.txt", "mine");
  store->prune({.all = true});
  EXPECT_THAT(names_in(""), ::testing::ElementsAre("format", "notes.txt"));
  put_blob(*open(), "again");  // it is known as a store still
}

TEST_F(Prune, removes_files_that_were_never_recorded) {
  const auto store = open();
  fs::create_directories(blob_path("orphan").parent_path());
  write_file(blob_path("orphan"), "orphan");
  age_everything();
  EXPECT_EQ(store->prune({}).freed_bytes, 6U);
  EXPECT_FALSE(fs::exists(blob_path("orphan")));
}

TEST_F(Leased, what_was_found_or_made_survives_and_the_rest_goes) {
  const auto store = open();
  for (const char* name : {"found", "not looked at"}) put_layer_step(*store, name);
  store->put_table(diff_of("found"), "table");
  put_plain_tree(*store, "0", chain_of("found"), "tree");
  put_plain_tree(*store, "0", chain_of("not looked at"), "tree");
  age_everything();
  const auto build = open();
  auto lease = build->lease();
  EXPECT_TRUE(build->find_step(key_of("found")));
  EXPECT_TRUE(table_text(*build, diff_of("found")));
  EXPECT_TRUE(build->find_tree("0", chain_of("found")));
  put_layer_step(*build, "made");
  build->put_step(key_of("bare"), {.inputs = "x", .layer = std::nullopt, .created = "y"});
  for (const bool all : {false, true}) {
    store->prune({.all = all});
    EXPECT_TRUE(store->has(digest_of("layer of found")));
    EXPECT_TRUE(table_text(*store, diff_of("found")));
    EXPECT_TRUE(store->find_tree("0", chain_of("found")));
    EXPECT_TRUE(store->find_step(key_of("made")));
    EXPECT_TRUE(store->find_step(key_of("bare")));
    EXPECT_FALSE(store->has(digest_of("layer of not looked at")));
    EXPECT_FALSE(store->find_tree("0", chain_of("not looked at")));
  }
  lease.reset();
  store->prune({});
  EXPECT_FALSE(store->has(digest_of("layer of found")));
  EXPECT_FALSE(store->has(digest_of("layer of made")));
}

// The layers themselves were not looked at yet: their image's root was.
TEST_F(Leased, an_image_found_by_name_survives_whole) {
  const auto store = open();
  for (const char* name : {"found", "other"}) {
    store->put_name(name_of(name), put_image(*store, name).manifest, "now");
  }
  age_everything();
  const auto build = open();
  const auto lease = build->lease();
  EXPECT_TRUE(build->find_name(name_of("found")));
  store->prune({.all = true});
  EXPECT_TRUE(store->find_name(name_of("found")));
  EXPECT_TRUE(store->has(digest_of("layer of found")));
  EXPECT_TRUE(table_text(*store, diff_of("layer of found")));
  EXPECT_FALSE(store->find_name(name_of("other")));
  EXPECT_FALSE(store->has(digest_of("layer of other")));
}

// What a lease knows to be there counts for no later one.
TEST_F(Leased, what_was_found_is_looked_for_again_by_the_next_lease) {
  const auto store = open();
  put_layer_step(*store, "step");
  const auto build = open();
  for (const bool there : {true, false}) {
    auto lease = build->lease();
    for (int twice = 0; twice < 2; ++twice) EXPECT_EQ(build->has(digest_of("layer of step")), there);
    lease.reset();
    store->prune({.all = true});
  }
}

TEST_F(Leased, what_was_found_and_is_dropped_as_damaged_is_no_longer_there) {
  const auto store = open();
  put_blob(*store, "whole content");
  const auto lease = store->lease();
  EXPECT_TRUE(store->has(digest_of("whole content")));
  fs::permissions(blob_path("whole content"), fs::perms::owner_all);
  fs::resize_file(blob_path("whole content"), 3);
  expect_error(Errc::not_found, "is not in the store", [&] { store->open_blob(digest_of("whole content")); });
  EXPECT_FALSE(store->has(digest_of("whole content")));
}

TEST_F(Leased, all_does_not_remove_the_database_under_a_build) {
  const auto store = open();
  const auto lease = store->lease();
  store->prune({.all = true});
  EXPECT_TRUE(fs::exists(path() / "cooper.db"));
}

TEST_F(Leased, of_a_killed_process_hold_nothing) {
  put_layer_step(*open(), "step");
  age_everything();
  Pipe begun = make_pipe();
  const pid_t child = ::fork();
  if (child == 0) {
    const auto store = open();
    const auto lease = store->lease();
    const bool found = store->find_step(key_of("step")).has_value();
    if (!found || ::write(begun.write_end.get(), "x", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(begun.read_end.get(), &byte, 1), 1);
  const auto store = open();
  EXPECT_EQ(store->prune({}).removed_objects, 0U);
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(store->prune({}).removed_objects, 1U);
}

// A clock that is set back must not make what a build just used look older than the build.
TEST_F(Leased, begin_no_earlier_than_the_last_prune_whatever_the_clock_says) {
  const auto store = open();
  put_layer_step(*store, "step");
  store->prune({.keep_bytes = 1'000'000});
  const auto future = fs::file_time_type::clock::now() + std::chrono::hours(1);
  fs::last_write_time(path() / "locks/leases.lock", future);
  const auto lease = store->lease();
  EXPECT_TRUE(store->find_step(key_of("step")));
  EXPECT_GE(fs::last_write_time(blob_path("layer of step")), future);
  EXPECT_EQ(open()->prune({}).removed_objects, 0U);
}

TEST_F(Prune, still_removes_what_was_used_while_the_clock_was_ahead) {
  const auto store = open();
  store->prune({.keep_bytes = 1'000'000});
  const auto future = fs::file_time_type::clock::now() + std::chrono::hours(1000);
  fs::last_write_time(path() / "locks/leases.lock", future);
  {
    const auto lease = store->lease();
    put_blob(*store, "x");
  }
  EXPECT_EQ(store->prune({}).removed_objects, 1U);
}

// A build that found an object can open it for as long as its lease lasts, whatever prunes run
// meanwhile.
TEST_F(Leased, lookups_and_prunes_racing_never_take_what_was_found) {
  constexpr int kRounds = 40;
  constexpr int kBlobs = 8;
  std::atomic<bool> done{false};
  std::jthread pruner([&] {
    const auto store = open();
    while (!done) store->prune({.all = true});
  });
  const auto store = open();
  for (int round = 0; round < kRounds; ++round) {
    const auto lease = store->lease();
    for (int i = 0; i < kBlobs; ++i) {
      const std::string name = cat("step ", i);
      if (!store->find_step(key_of(name))) put_layer_step(*store, name);
      if (!store->find_tree("0", chain_of(name))) put_plain_tree(*store, "0", chain_of(name), name);
    }
    for (int i = 0; i < kBlobs; ++i) {
      const std::string name = cat("step ", i);
      EXPECT_EQ(get_blob(*store, "layer of " + name), "layer of " + name);
      EXPECT_TRUE(fs::exists(fs::path(store->tree_path("0", chain_of(name))) / "file"));
    }
  }
  done = true;
}

// The store is emptied, database and all, whenever nobody has it open; whoever opens it meanwhile
// gets a good one.
TEST_F(Prune, all_racing_with_processes_that_open_the_store) {
  constexpr int kProcesses = 3;
  constexpr int kRounds = 15;
  in_processes(kProcesses, [&](int number) {
    for (int round = 0; round < kRounds; ++round) {
      const auto store = open();
      if (number == 0) {
        store->prune({.all = true});
        continue;
      }
      const auto lease = store->lease();
      const std::string name = cat("step ", round % 3);
      put_layer_step(*store, name);
      if (!store->find_step(key_of(name))) return 1;
      if (get_blob(*store, "layer of " + name) != "layer of " + name) return 2;
    }
    return 0;
  });
  const auto store = open();
  EXPECT_THAT(store->verify(false), IsEmpty());
  store->prune({.all = true});
  EXPECT_TRUE(fs::is_empty(path()));
}

}  // namespace
}  // namespace cooper::cache
