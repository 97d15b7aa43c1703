// Store::usage: cache/usage.cc.
#include "cache/disk_usage.h"
#include "tests/cache/store_fixture.h"

namespace cooper::cache {
namespace {

using Need = StoreEntry::Need;
using Kind = StoreEntry::Kind;

class Usage : public StoreTest {
 protected:
  static std::uint64_t sum(const StoreUsage& usage, std::initializer_list<Need> needs) {
    std::uint64_t total = 0;
    for (const StoreEntry& entry : usage.entries) {
      if (std::ranges::find(needs, entry.need) != needs.end()) total += entry.size_bytes;
    }
    return total;
  }
  static std::vector<Kind> kinds(const StoreUsage& usage, Need need) {
    std::vector<Kind> found;
    for (const StoreEntry& entry : usage.entries) {
      if (entry.need == need) found.push_back(entry.kind);
    }
    return found;
  }
  // An image with its tree, a step with its table and tree, a cache mount.
  static void fill(Store& store) {
    const TestImage image = put_image(store, "kept");
    store.put_name(name_of("kept"), image.manifest, "now");
    put_plain_tree(store, "0", image.chain, "tree");
    put_layer_step(store, "loose");
    store.put_table(diff_of("loose"), "table");
    put_plain_tree(store, "0", chain_of("loose"), std::string(10000, '.'));
    const auto mount = store.cache_mount(
        {.mapping = "0", .identity = oci::sha256("c"), .description = "id c, first mounted on /c"}, [](const Dir&) {}, {});
    write_file(fs::path(mount->path()) / "file", std::string(5000, '.'));
  }
};

TEST_F(Usage, reclaimable_is_what_prune_then_frees) {
  const auto store = open();
  fill(*store);
  const StoreUsage before = store->usage();
  EXPECT_EQ(kinds(before, Need::none), (std::vector{Kind::blob, Kind::table, Kind::tree, Kind::cache_mount}));
  EXPECT_EQ(kinds(before, Need::image).size(), 5U);
  EXPECT_EQ(before.records, 1U);
  const PruneResult pruned = store->prune({});
  EXPECT_EQ(pruned.removed_objects, 4U);
  EXPECT_EQ(pruned.freed_bytes, sum(before, {Need::none}));
  const StoreUsage after = store->usage();
  EXPECT_EQ(sum(after, {Need::none}), 0U);
  EXPECT_EQ(store->prune({.all = true}).freed_bytes, sum(after, {Need::image}));
}

TEST_F(Usage, what_a_live_build_used_is_its) {
  const auto store = open();
  fill(*store);
  age_everything();
  const auto build = open();
  const auto lease = build->lease();
  EXPECT_TRUE(build->find_name(name_of("kept")));
  EXPECT_TRUE(build->find_step(key_of("loose")));
  const StoreUsage usage = store->usage();
  EXPECT_EQ(kinds(usage, Need::image), std::vector<Kind>{}) << "an image whose root is used is used whole";
  EXPECT_EQ(kinds(usage, Need::build).size(), 6U);
  const PruneResult pruned = store->prune({.all = true});
  EXPECT_EQ(pruned.freed_bytes, sum(usage, {Need::none}));
}

TEST_F(Usage, all_of_it_is_what_the_directory_takes) {
  const auto store = open();
  fill(*store);
  { put_blob(*store, std::string(100000, 'x')); }
  TempDir scratch = store->scratch("unfinished-");
  write_file(fs::path(scratch.host_path()) / "file", std::string(50000, '.'));
  const StoreUsage usage = store->usage();
  EXPECT_GE(usage.unfinished_bytes, 50000U);
  const std::uint64_t told = sum(usage, {Need::none, Need::image, Need::build}) + usage.database_bytes +
                             usage.digests_bytes + usage.unfinished_bytes + usage.other_bytes;
  const std::uint64_t taken = disk_usage(Dir::open(path(), Confine::strict), TreePath());
  EXPECT_EQ(told, taken);
}

TEST_F(Usage, entries_say_when_they_were_used_and_whose_they_are) {
  const auto store = open();
  const auto begun = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  fill(*store);
  put_blob(*store, "new");
  const auto past = fs::file_time_type::clock::now() - std::chrono::hours(5);
  fs::last_write_time(blob_path("layer of loose"), past);
  const StoreUsage usage = store->usage();
  EXPECT_EQ(usage.entries.back().description, "id c, first mounted on /c");
  EXPECT_EQ(usage.entries.back().name, cat("0/", oci::sha256("c").hex(), "-0"));
  const auto blobs = [&](const std::string& name) {
    return std::ranges::find(usage.entries, name, &StoreEntry::name);
  };
  const auto old = blobs(digest_of("layer of loose").str());
  const auto fresh = blobs(digest_of("new").str());
  ASSERT_NE(old, usage.entries.end());
  ASSERT_NE(fresh, usage.entries.end());
  EXPECT_LT(fresh, old) << "what was used last comes first";
  EXPECT_GE(*fresh->last_use, begun);
  EXPECT_LT(*old->last_use, begun - std::chrono::hours(4));
}

TEST_F(Usage, looking_changes_no_use) {
  const auto store = open();
  fill(*store);
  age_everything();
  const auto before = store->usage().entries;
  const auto after = store->usage().entries;
  ASSERT_EQ(before.size(), after.size());
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(before[i].last_use, after[i].last_use);
  EXPECT_EQ(store->prune({.older_than = std::chrono::hours(24)}).removed_objects, 3U) << "all but the young cache mount";
}

TEST_F(Usage, of_an_empty_store_is_empty) {
  const StoreUsage usage = open()->usage();
  EXPECT_TRUE(usage.entries.empty());
  EXPECT_EQ(usage.records, 0U);
}

}  // namespace
}  // namespace cooper::cache
