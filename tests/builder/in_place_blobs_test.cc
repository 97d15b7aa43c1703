// Layers read where they lie: builder/in_place_blobs.cc. With builds: tests/e2e/cases/in_place.sh.
#include "builder/in_place_blobs.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/error.h"
#include "oci/layout.h"
#include "tests/builder/store_fixture.h"
#include "tests/oci/expect_error.h"

namespace cooper::builder {
namespace {

class InPlace : public StoreTest {
 protected:
  static std::string content(const std::unique_ptr<ByteSource>& source) {
    return source ? read_all(*source, 100, "a blob") : "none";
  }
  const oci::Descriptor blob_ = oci::write_blob(*store_, oci::kLayerTarType, "content");
  const fs::path file_ = store_->path() / "blobs/sha256" / blob_.digest.value.hex().substr(0, 2) /
                         blob_.digest.value.hex();
};

TEST_F(InPlace, a_store_and_a_layout_are_read) {
  EXPECT_EQ(content(open_in_place(store_->path(), blob_)), "content");
  oci::LayoutDir layout = oci::LayoutDir::create(path("layout"));
  EXPECT_EQ(content(open_in_place(path("layout"), blob_)), "none");
  oci::copy_blob(*store_, layout, blob_);
  EXPECT_EQ(content(open_in_place(path("layout"), blob_)), "content");
}

TEST_F(InPlace, another_size_counts_as_absent_and_other_bytes_are_told) {
  fs::permissions(file_, fs::perms::owner_all);
  write_file(file_, "conTent");
  tests::expect_error(Errc::corrupt, file_.string(),
                      [&] { content(open_in_place(store_->path(), blob_)); });
  write_file(file_, "cont");
  EXPECT_EQ(open_in_place(store_->path(), blob_), nullptr);
}

TEST_F(InPlace, what_is_no_file_does_not_count) {
  fs::remove(file_);
  ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
  EXPECT_EQ(open_in_place(store_->path(), blob_), nullptr);
}

TEST_F(InPlace, a_directory_that_is_not_there_is_named) {
  tests::expect_error(Errc::not_found, "nowhere", [&] { open_in_place(path("nowhere"), blob_); });
}

}  // namespace
}  // namespace cooper::builder
