// Steps, early cutoffs, tables, names, facts: cache/records.cc, cache/record_json.cc.
#include "cache/record_json.h"

#include "tests/cache/store_fixture.h"

namespace cooper::cache {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Record = StoreTest;
using Table = StoreTest;
using Name = StoreTest;
using Fact = StoreTest;

oci::Descriptor full_descriptor() {
  oci::Descriptor descriptor;
  descriptor.media_type = std::string(oci::kLayerGzipType);
  descriptor.digest = digest_of("x");
  descriptor.size_bytes = (std::uint64_t{1} << 62) + 3;
  descriptor.platform = oci::Platform{"linux", "arm", "v7", "10.0"};
  descriptor.annotations = {{"a", "b"}, {"quote\"", "line\n\xc3\xa9"}};
  descriptor.urls = {"https://example.com/x", ""};
  descriptor.artifact_type = "application/x";
  return descriptor;
}

TEST(RecordJson, descriptors_and_layers_come_back_whole) {
  EXPECT_EQ(parse_descriptor(to_text(full_descriptor())), full_descriptor());
  const LayerRecord layer{full_descriptor(), diff_of("tar")};
  EXPECT_EQ(parse_layer(to_text(layer)), layer);
  oci::Descriptor plain;
  plain.media_type = "m";
  plain.digest = digest_of("y");
  EXPECT_EQ(parse_descriptor(to_text(plain)), plain);
}

TEST(RecordJson, damaged_rows_are_corrupt) {
  const char* const kTable[] = {"",
                                "{",
                                "[]",
                                "3",
                                "{}",
                                R"({"mediaType":"m"})",
                                R"({"mediaType":"m","digest":7,"size":1})",
                                R"({"mediaType":"m","digest":"sha256:","size":"1"})"};
  for (const char* text : kTable) {
    EXPECT_THROW(parse_descriptor(text), Error) << text;
    EXPECT_THROW(parse_layer(text), Error) << text;
  }
}

TEST_F(Record, comes_back_whole_in_another_process) {
  StepRecord record = step_of(put_blob(*open(), "layer"));
  record.inputs = std::string("words\0with nul\n", 15);
  ASSERT_EQ(in_child([&] {
              open()->put_step(key_of("step"), record);
              return 0;
            }),
            0);
  EXPECT_EQ(open()->find_step(key_of("step")), record);
  EXPECT_EQ(open()->find_step(key_of("other")), std::nullopt);
}

TEST_F(Record, put_again_is_replaced) {
  const auto store = open();
  store->put_step(key_of("step"), step_of(put_blob(*store, "one")));
  const StepRecord second = step_of(put_blob(*store, "two"));
  store->put_step(key_of("step"), second);
  EXPECT_EQ(store->find_step(key_of("step")), second);
}

TEST_F(Record, is_found_by_how_its_inputs_begin_and_end) {
  const auto store = open();
  EXPECT_FALSE(store->has_step_like("{", "}"));
  store->put_step(key_of("other"), {"a]", std::nullopt, "now"});
  store->put_step(key_of("step"), {"{\"\xc3\xa9\":[%_],\"z\":1}", std::nullopt, "now"});
  EXPECT_TRUE(store->has_step_like("{\"\xc3\xa9\":[", "],\"z\":1}"));
  EXPECT_FALSE(store->has_step_like("{\"e\":[", "],\"z\":1}"));
  EXPECT_FALSE(store->has_step_like("{\"\xc3\xa9\":[", "],\"y\":1}"));
  EXPECT_FALSE(store->has_step_like("a]", "}"));  // of two records
}

TEST_F(Record, without_a_layer_needs_no_blob) {
  const auto store = open();
  const StepRecord record{.inputs = "RUN true", .layer = std::nullopt, .created = "now"};
  store->put_step(key_of("step"), record);
  EXPECT_EQ(store->find_step(key_of("step")), record);
}

TEST_F(Record, whose_blob_is_gone_is_a_miss_and_is_dropped) {
  const auto store = open();
  put_layer_step(*store, "step");
  fs::remove(blob_path("layer of step"));
  EXPECT_EQ(store->find_step(key_of("step")), std::nullopt);
  put_blob(*store, "layer of step");
  EXPECT_EQ(store->find_step(key_of("step")), std::nullopt) << "dropped, not only hidden";
}

TEST_F(Record, whose_blob_was_cut_short_is_a_miss) {
  const auto store = open();
  put_layer_step(*store, "step");
  fs::permissions(blob_path("layer of step"), fs::perms::owner_all);
  fs::resize_file(blob_path("layer of step"), 1);
  EXPECT_EQ(store->find_step(key_of("step")), std::nullopt);
}

TEST_F(Record, that_says_another_size_than_the_blob_has_is_a_miss) {
  const auto store = open();
  oci::Descriptor layer = put_blob(*store, "layer");
  layer.size_bytes += 1;
  store->put_step(key_of("step"), step_of(layer));
  EXPECT_EQ(store->find_step(key_of("step")), std::nullopt);
  EXPECT_TRUE(store->has(layer.digest)) << "the blob itself is good";
}

TEST_F(Record, CACHE_20_equal_content_is_answered_by_the_older_layer) {
  const auto store = open();
  const oci::ContentDigest content{oci::sha256("content")};
  const StepRecord older = step_of(put_blob(*store, "older"));
  store->put_equal(chain_of("base"), content, older);
  store->put_equal(chain_of("base"), content, step_of(put_blob(*store, "newer")));
  EXPECT_EQ(store->find_equal(chain_of("base"), content), older);
  EXPECT_EQ(store->find_equal(chain_of("another base"), content), std::nullopt);
  EXPECT_EQ(store->find_equal(std::nullopt, content), std::nullopt);
}

TEST_F(Record, CACHE_20_a_lost_older_layer_gives_way) {
  const auto store = open();
  const oci::ContentDigest content{oci::sha256("content")};
  store->put_equal(std::nullopt, content, step_of(put_blob(*store, "older")));
  fs::remove(blob_path("older"));
  const StepRecord newer = step_of(put_blob(*store, "newer"));
  store->put_equal(std::nullopt, content, newer);
  EXPECT_EQ(store->find_equal(std::nullopt, content), newer);
}

TEST_F(Table, comes_back_and_can_be_replaced_by_another) {
  const auto store = open();
  EXPECT_EQ(table_text(*store, diff_of("layer")), std::nullopt);
  store->put_table(diff_of("layer"), "first");
  EXPECT_EQ(table_text(*store, diff_of("layer")), "first");
  store->put_table(diff_of("layer"), "other");  // as long as the first
  EXPECT_EQ(table_text(*store, diff_of("layer")), "other");
  store->put_table(diff_of("layer"), "");
  EXPECT_EQ(table_text(*open(), diff_of("layer")), "");
  EXPECT_THAT(store->verify(false), IsEmpty());
}

TEST_F(Table, cut_short_is_a_miss) {
  const auto store = open();
  store->put_table(diff_of("layer"), "table");
  const fs::path file = path() / layout::table(diff_of("layer").value).str();
  fs::permissions(file, fs::perms::owner_all);
  fs::resize_file(file, 2);
  EXPECT_EQ(table_text(*store, diff_of("layer")), std::nullopt);
}

TEST_F(Name, is_moved_listed_in_order_and_removed) {
  const auto store = open();
  const TestImage one = put_image(*store, "one");
  const TestImage two = put_image(*store, "two");
  store->put_name(name_of("b"), one.manifest, "then");
  store->put_name(name_of("a"), one.manifest, "then");
  store->put_name(name_of("b"), two.manifest, "now");
  EXPECT_EQ(store->find_name(name_of("b")), two.manifest);
  const std::vector<NamedImage> names = open()->names();
  ASSERT_EQ(names.size(), 2U);
  EXPECT_EQ(names[0].reference, name_of("a"));
  EXPECT_EQ(names[1].reference, name_of("b"));
  EXPECT_EQ(names[1].root, two.manifest);
  EXPECT_EQ(names[1].created, "now");
  EXPECT_TRUE(store->remove_name(name_of("a")));
  EXPECT_FALSE(store->remove_name(name_of("a")));
  EXPECT_EQ(store->find_name(name_of("a")), std::nullopt);
}

TEST_F(Name, of_a_manifest_that_is_gone_is_absent) {
  const auto store = open();
  const TestImage image = put_image(*store, "one");
  store->put_name(name_of("a"), image.manifest, "then");
  fs::remove(path() / layout::blob(image.manifest.digest.value).str());
  EXPECT_EQ(store->find_name(name_of("a")), std::nullopt);
}

TEST_F(Fact, is_kept_by_kind_and_key) {
  const auto store = open();
  store->put_fact("resolved", "busybox", "one");
  store->put_fact("platform", "busybox", "two");
  store->put_fact("resolved", "busybox", "three");
  EXPECT_EQ(open()->find_fact("resolved", "busybox"), "three");
  EXPECT_EQ(store->find_fact("platform", "busybox"), "two");
  EXPECT_EQ(store->find_fact("resolved", "debian"), std::nullopt);
}

TEST_F(Record, finding_everything_again_writes_nothing_to_the_database) {
  const auto store = open();
  put_layer_step(*store, "step");
  store->put_step(key_of("bare"), {.inputs = "x", .layer = std::nullopt, .created = "y"});
  store->put_fact("kind", "key", "value");
  const auto log_bytes = [&] { return fs::file_size(path() / "cooper.db-wal"); };
  const std::uintmax_t before = log_bytes();
  {
    const auto lease = store->lease();
    EXPECT_TRUE(store->find_step(key_of("step")));
    EXPECT_TRUE(store->find_step(key_of("bare")));
    store->put_fact("kind", "key", "value");
  }
  EXPECT_EQ(log_bytes(), before);
}

TEST_F(Record, a_lookup_makes_no_ingest_directory) {
  { put_layer_step(*open(), "step"); }
  const auto store = open();
  EXPECT_TRUE(store->find_step(key_of("step")));
  EXPECT_THAT(names_in("ingest"), IsEmpty());
}

}  // namespace
}  // namespace cooper::cache
