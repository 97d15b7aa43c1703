// Blobs: cache/objects.cc, cache/blob_writer.cc.
#include <sys/stat.h>

#include <thread>

#include "oci/blob_store.h"
#include "tests/cache/store_fixture.h"

namespace cooper::cache {
namespace {

using ::testing::IsEmpty;
using Blob = StoreTest;

TEST_F(Blob, comes_back_as_it_was_written) {
  const auto store = open();
  const oci::Descriptor blob = put_blob(*store, "hello");
  EXPECT_EQ(blob.digest, digest_of("hello"));
  EXPECT_EQ(blob.size_bytes, 5U);
  EXPECT_TRUE(store->has(blob.digest));
  EXPECT_EQ(get_blob(*store, "hello"), "hello");
  EXPECT_EQ(get_blob(*open(), "hello"), "hello");
}

TEST_F(Blob, may_be_empty) {
  const auto store = open();
  put_blob(*store, "");
  EXPECT_EQ(get_blob(*store, ""), "");
}

TEST_F(Blob, has_a_checksum_where_it_was_written) {
  const auto store = open();
  EXPECT_EQ(store->checksum_of(digest_of("new")), std::nullopt);
  put_blob(*store, "new");
  oci::Checksum expected;
  expected.update(as_bytes("new"));
  EXPECT_EQ(store->checksum_of(digest_of("new")), expected);
  EXPECT_EQ(open()->checksum_of(digest_of("new")), std::nullopt);
}

TEST_F(Blob, lies_where_an_image_layout_has_it_split_by_two_digits) {
  const auto store = open();
  put_blob(*store, "hello");
  const std::string hex = digest_of("hello").hex();
  EXPECT_TRUE(fs::exists(path() / "blobs/sha256" / hex.substr(0, 2) / hex));
}

TEST_F(Blob, that_is_absent_is_not_found_by_name) {
  const auto store = open();
  EXPECT_FALSE(store->has(digest_of("nothing")));
  expect_error(Errc::not_found, digest_of("nothing").str(),
               [&] { store->open_blob(digest_of("nothing")); });
}

TEST_F(Blob, of_another_digest_than_expected_publishes_nothing) {
  const auto store = open();
  {
    const auto writer = store->new_blob();
    writer->write(as_bytes("received"));
    expect_error(Errc::corrupt, digest_of("wanted").str(),
                 [&] { writer->commit(digest_of("wanted")); });
  }
  EXPECT_FALSE(store->has(digest_of("received")));
  EXPECT_FALSE(store->has(digest_of("wanted")));
  EXPECT_THAT(names_in("blobs"), IsEmpty());
  for (const auto& entry : fs::recursive_directory_iterator(path() / "ingest")) {
    EXPECT_NE(entry.path().filename().string().substr(0, 4), "blob");
  }
}

TEST_F(Blob, that_is_not_committed_leaves_nothing) {
  const auto store = open();
  store->new_blob()->write(as_bytes("half"));
  EXPECT_FALSE(store->has(digest_of("half")));
  for (const std::string& own : names_in("ingest")) {
    EXPECT_THAT(names_in("ingest/" + own), ::testing::ElementsAre("lock"));
  }
}

TEST_F(Blob, written_twice_stays_the_first_file) {
  const auto store = open();
  put_blob(*store, "same");
  struct stat before {};
  struct stat after {};
  ASSERT_EQ(::stat(blob_path("same").c_str(), &before), 0);
  put_blob(*store, "same");
  ASSERT_EQ(::stat(blob_path("same").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST_F(Blob, cut_short_by_a_power_loss_is_a_miss_and_can_be_written_again) {
  const auto store = open();
  put_blob(*store, "whole content");
  fs::permissions(blob_path("whole content"), fs::perms::owner_all);
  fs::resize_file(blob_path("whole content"), 3);
  EXPECT_FALSE(store->has(digest_of("whole content")));
  EXPECT_FALSE(fs::exists(blob_path("whole content"))) << "the damaged file is dropped";
  put_blob(*store, "whole content");
  EXPECT_EQ(get_blob(*store, "whole content"), "whole content");
}

TEST_F(Blob, cut_short_is_replaced_by_a_writer_that_meets_it_first) {
  const auto store = open();
  put_blob(*store, "whole content");
  fs::permissions(blob_path("whole content"), fs::perms::owner_all);
  fs::resize_file(blob_path("whole content"), 0);
  put_blob(*store, "whole content");
  EXPECT_EQ(get_blob(*store, "whole content"), "whole content");
}

TEST_F(Blob, whose_file_is_gone_is_a_miss_and_can_be_written_again) {
  const auto store = open();
  put_blob(*store, "text");
  fs::remove(blob_path("text"));
  EXPECT_FALSE(store->has(digest_of("text")));
  put_blob(*store, "text");
  EXPECT_EQ(get_blob(*store, "text"), "text");
}

// A file without a row: its writer died between the two. Nothing says that it is whole.
TEST_F(Blob, without_a_row_is_not_trusted_but_replaced) {
  const auto store = open();
  put_blob(*store, "other");
  fs::create_directories(blob_path("text").parent_path());
  write_file(blob_path("text"), "lies");
  EXPECT_FALSE(store->has(digest_of("text")));
  put_blob(*store, "text");
  EXPECT_EQ(get_blob(*store, "text"), "text");
}

TEST_F(Blob, open_for_reading_outlives_its_removal) {
  const auto store = open();
  put_blob(*store, "text");
  const auto source = store->open_blob(digest_of("text"));
  EXPECT_EQ(store->prune({}).removed_objects, 1U);
  EXPECT_EQ(read_all(*source, 100, "blob"), "text");
}

TEST_F(Blob, larger_than_any_buffer_is_whole) {
  const auto store = open();
  const std::string text(3 * kCopyBufferBytes + 17, 'x');
  const auto writer = store->new_blob();
  for (std::size_t at = 0; at < text.size(); at += 100'000) {
    writer->write(as_bytes(std::string_view(text).substr(at, 100'000)));
  }
  const auto [digest, size_bytes] = writer->commit(digest_of(text));
  EXPECT_EQ(size_bytes, text.size());
  EXPECT_EQ(get_blob(*store, text), text);
}

TEST_F(Blob, the_same_from_many_threads_and_processes_is_one_good_file) {
  constexpr int kProcesses = 3;
  constexpr int kThreads = 3;
  constexpr int kBlobs = 20;
  in_processes(kProcesses, [&](int) {
    const auto store = open();
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (int b = 0; b < kBlobs; ++b) put_blob(*store, cat("blob ", b));
      });
    }
    threads.clear();
    return 0;
  });
  const auto store = open();
  for (int b = 0; b < kBlobs; ++b) EXPECT_EQ(get_blob(*store, cat("blob ", b)), cat("blob ", b));
  EXPECT_THAT(store->verify(false), IsEmpty());
}

}  // namespace
}  // namespace cooper::cache
