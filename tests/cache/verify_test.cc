// Store::verify: cache/verify.cc.
#include <fcntl.h>

#include <chrono>
#include <future>

#include "cache/file_lock.h"
#include "cache/layout.h"
#include "tests/cache/store_fixture.h"

namespace cooper::cache {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Verify = StoreTest;

void damage(const fs::path& file, std::string_view text) {
  fs::permissions(file, fs::perms::owner_all);
  write_file(file, text);
}

TEST_F(Verify, a_good_store_has_no_problems_and_no_use_is_noted) {
  const auto store = open();
  const TestImage image = put_image(*store, "image");
  store->put_name(name_of("image"), image.manifest, "now");
  store->put_step(key_of("step"), step_of(image.layer));
  put_plain_tree(*store, "0", image.chain, "tree");
  age_everything();
  const auto before = fs::last_write_time(blob_path("layer of image"));
  EXPECT_THAT(store->verify(false), IsEmpty());
  EXPECT_THAT(store->verify(true), IsEmpty());
  EXPECT_EQ(fs::last_write_time(blob_path("layer of image")), before);
  EXPECT_TRUE(store->find_name(name_of("image")));
}

TEST_F(Verify, finds_a_flipped_byte_and_repair_drops_blob_and_record) {
  const auto store = open();
  put_layer_step(*store, "step");
  damage(blob_path("layer of step"), "layer of stop");
  const auto problem = AllOf(HasSubstr("is damaged"), HasSubstr(digest_of("layer of step").str()));
  EXPECT_THAT(store->verify(false), ElementsAre(problem));
  EXPECT_THAT(store->verify(true), ElementsAre(problem));
  EXPECT_THAT(store->verify(false), IsEmpty());
  EXPECT_FALSE(store->find_step(key_of("step")));
  EXPECT_FALSE(fs::exists(blob_path("layer of step")));
}

TEST_F(Verify, finds_wrong_sizes_and_files_that_an_image_lacks) {
  const auto store = open();
  put_blob(*store, "short");
  const TestImage image = put_image(*store, "image");
  store->put_name(name_of("image"), image.manifest, "now");
  damage(blob_path("short"), "s");
  fs::remove(blob_path("layer of image"));
  EXPECT_THAT(store->verify(true),
              ::testing::UnorderedElementsAre(HasSubstr("has 1 bytes instead of 5"),
                                              HasSubstr("is missing")));
  EXPECT_THAT(store->verify(false), IsEmpty());
}

// As a removal leaves it that found the disk full and was killed.
TEST_F(Verify, an_object_that_is_gone_and_no_image_needs_is_a_miss) {
  const auto store = open();
  put_layer_step(*store, "step");
  fs::remove(blob_path("layer of step"));
  EXPECT_THAT(store->verify(false), IsEmpty());
  EXPECT_FALSE(store->find_step(key_of("step")));
  put_layer_step(*store, "step");
  EXPECT_TRUE(store->find_step(key_of("step")));
}

TEST_F(Verify, finds_damaged_tables) {
  const auto store = open();
  store->put_table(diff_of("layer"), "table");
  damage(path() / layout::table(diff_of("layer").value).str(), "tible");
  EXPECT_THAT(store->verify(true), ElementsAre(HasSubstr("table of layer")));
  EXPECT_EQ(table_text(*store, diff_of("layer")), std::nullopt);
  EXPECT_THAT(store->verify(false), IsEmpty());
}

// Its writer died between publishing and recording: the digest says that it is good.
TEST_F(Verify, a_good_file_without_a_row_is_no_problem_and_repair_records_it) {
  const auto store = open();
  fs::create_directories(blob_path("orphan").parent_path());
  write_file(blob_path("orphan"), "orphan");
  EXPECT_THAT(store->verify(false), IsEmpty());
  EXPECT_FALSE(store->has(digest_of("orphan")));
  EXPECT_THAT(store->verify(true), IsEmpty());
  EXPECT_TRUE(store->has(digest_of("orphan")));
}

TEST_F(Verify, finds_strangers_and_bad_files_without_a_row) {
  const auto store = open();
  put_blob(*store, "good");
  fs::create_directories(blob_path("orphan").parent_path());
  write_file(blob_path("orphan"), "torn");
  write_file(path() / "blobs/sha256/README", "x");
  write_file(blob_path("good").parent_path() / "notes", "x");
  EXPECT_EQ(store->verify(false).size(), 3U);
  EXPECT_EQ(store->verify(true).size(), 3U);
  EXPECT_THAT(store->verify(false), IsEmpty());
  EXPECT_EQ(get_blob(*store, "good"), "good");
}

TEST_F(Verify, finds_names_whose_documents_are_gone_or_unreadable) {
  const auto store = open();
  const TestImage gone = put_image(*store, "gone");
  store->put_name(name_of("gone"), gone.manifest, "now");
  const TestImage unconfigured = put_image(*store, "unconfigured");
  oci::Manifest manifest;
  manifest.config = put_blob(*store, "no json", oci::kConfigType);
  store->put_name(name_of("unreadable"),
                  put_blob(*store, oci::to_json(manifest), oci::kManifestType), "now");
  fs::remove(path() / layout::blob(gone.manifest.digest.value).str());
  EXPECT_THAT(store->verify(true), ::testing::UnorderedElementsAre(
                                       HasSubstr(cat("blob ", gone.manifest.digest, " is missing")),
                                       HasSubstr("name docker.io/library/gone:latest"),
                                       HasSubstr("name docker.io/library/unreadable:latest")));
  EXPECT_THAT(store->verify(false), IsEmpty());
  EXPECT_THAT(store->names(), IsEmpty());
}

TEST_F(Verify, layers_that_were_never_fetched_are_no_problem) {
  const auto store = open();
  oci::ImageConfig config;
  config.platform = {.os = "linux", .architecture = "amd64"};
  oci::Manifest manifest;
  manifest.config = put_blob(*store, oci::to_json(config), oci::kConfigType);
  manifest.layers = {oci::Descriptor{.media_type = std::string(oci::kLayerGzipType),
                                     .digest = digest_of("elsewhere"),
                                     .size_bytes = 9}};
  store->put_name(name_of("lazy"), put_blob(*store, oci::to_json(manifest), oci::kManifestType),
                  "now");
  EXPECT_THAT(store->verify(false), IsEmpty());
}

TEST_F(Verify, finds_a_tree_that_was_deleted_beside_its_mark) {
  const auto store = open();
  put_plain_tree(*store, "0", chain_of("a"), "x");
  fs::remove_all(store->tree_path("0", chain_of("a")));
  EXPECT_THAT(store->verify(true), ElementsAre(HasSubstr("tree 0/" + chain_of("a").hex())));
  EXPECT_THAT(store->verify(false), IsEmpty());
}

TEST_F(Verify, a_tree_whose_directory_is_gone_is_told_and_forgotten) {
  const auto store = open();
  put_plain_tree(*store, "0", chain_of("a"), "content");
  fs::remove_all(store->tree_path("0", chain_of("a")));
  EXPECT_THAT(store->verify(true), ElementsAre(HasSubstr("is missing")));
  EXPECT_THAT(store->verify(false), IsEmpty());
  EXPECT_FALSE(store->find_tree("0", chain_of("a")));
}

// Another build is just moving it in: its mark is locked.
TEST_F(Verify, a_tree_that_is_arriving_is_not_missing) {
  const auto store = open();
  put_plain_tree(*store, "0", chain_of("a"), "content");
  const fs::path tree = store->tree_path("0", chain_of("a"));
  fs::path mark = tree;
  mark += layout::kMarkSuffix;
  fs::rename(tree, path() / "aside");
  const UniqueFd file(::open(mark.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(file);
  std::future<std::vector<std::string>> problems;
  {
    const FileLock arriving(file.get(), LockMode::exclusive);
    problems = std::async(std::launch::async, [&] { return open()->verify(true); });
    EXPECT_EQ(problems.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
    fs::rename(path() / "aside", tree);
  }
  EXPECT_THAT(problems.get(), IsEmpty());
  EXPECT_TRUE(store->find_tree("0", chain_of("a")));
}

TEST_F(Verify, without_trees_is_fine) {
  const auto store = open();
  put_plain_tree(*store, "0", chain_of("a"), "x");
  fs::remove_all(path() / "trees");
  EXPECT_THAT(store->verify(false), IsEmpty());
  fs::create_directories(path() / "trees/not a mapping" / std::string(64, 'a'));
  fs::create_directories(path() / "trees/0" / std::string(64, 'x'));
  EXPECT_THAT(store->verify(true), IsEmpty());
  EXPECT_EQ(store->size_bytes(), 0U);
}

}  // namespace
}  // namespace cooper::cache
