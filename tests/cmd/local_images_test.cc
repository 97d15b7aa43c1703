#include "cmd/local_images.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "base/temp_dir.h"
#include "tests/oci/expect_error.h"
#include "tests/oci/sample_image.h"

namespace cooper::cmd {
namespace {

using tests::expect_error;
using tests::put_sample_image;

class LocalImages : public ::testing::Test {
 protected:
  oci::Descriptor put(const std::string& seed, const std::vector<std::string>& names) {
    const oci::Descriptor root = put_sample_image(*store_, seed).root;
    for (const std::string& name : names) {
      store_->put_name(oci::parse_reference(name), root, "2024-01-02T03:04:05Z");
    }
    return root;
  }
  std::string found(const std::string& text) {
    const auto image = find_image(*store_, text);
    return image ? image->root.digest.hex() : "";
  }

  TempDir home_ = TempDir::in_host_tmp("cooper-local-images-test-");
  std::unique_ptr<cache::Store> store_ = cache::Store::open(home_.host_path());
};

TEST_F(LocalImages, have_a_name_an_id_and_a_digest) {
  const oci::Descriptor a = put("a", {"a:1", "r.io/a"});
  put("b", {"b"});
  const std::string digest = a.digest.hex();
  const std::string id = image_id(*store_, a).hex();
  EXPECT_NE(id, digest);
  for (const std::string& text :
       {std::string("a:1"), std::string("r.io/a:latest"), digest, "sha256:" + digest,
        digest.substr(0, 12), "sha256:" + digest.substr(0, 12), id, "sha256:" + id,
        id.substr(0, 12), "sha256:" + id.substr(0, 12)}) {
    EXPECT_EQ(found(text), digest) << text;
  }
  for (const std::string& text : {std::string("a"), digest.substr(0, 3), digest + "0",
                                  digest.substr(1, 12), "sha512:" + id}) {
    EXPECT_EQ(found(text), "") << text;
  }
  EXPECT_EQ(find_image(*store_, "a:1")->name->familiar(), "a:1");
  EXPECT_FALSE(find_image(*store_, id)->name);
  EXPECT_EQ(joined(find_image(*store_, id)->names), "a:1, r.io/a:latest");
  EXPECT_EQ(local_image(*store_, id).created, "2024-01-02T03:04:05Z");
  EXPECT_THROW(find_image(*store_, "UPPER"), Error);
  expect_error(Errc::not_found, "no such image: nowhere", [&] { local_image(*store_, "nowhere"); });
}

TEST_F(LocalImages, without_a_name_are_called_by_id_until_they_are_forgotten) {
  const oci::Descriptor root = put("a", {});
  const std::string id = image_id(*store_, root).hex();
  EXPECT_EQ(found(id), "");
  remember_unnamed(*store_, root, "2024-01-02T03:04:05Z");
  EXPECT_EQ(found(id.substr(0, 12)), root.digest.hex());
  EXPECT_EQ(found(root.digest.str()), root.digest.hex());
  const LocalImage image = local_image(*store_, id);
  EXPECT_EQ(image.root, root);
  EXPECT_EQ(image.created, "2024-01-02T03:04:05Z");
  EXPECT_EQ(joined(image.names), "no name");
  store_->put_name(oci::parse_reference("now"), root, "");
  ASSERT_EQ(local_images(*store_).size(), 1U);
  EXPECT_EQ(joined(local_image(*store_, id).names), "now:latest");
  store_->remove_name(oci::parse_reference("now"));
  EXPECT_EQ(found(id), root.digest.hex());
  forget_unnamed(*store_, root.digest);
  EXPECT_EQ(found(id), "");
  remember_unnamed(*store_, root, "");
  store_->prune({});
  EXPECT_EQ(local_images(*store_).size(), 0U);
}

TEST_F(LocalImages, a_name_comes_before_a_digest_that_begins_so) {
  const oci::Descriptor a = put("a", {"a"});
  const std::string digits = a.digest.hex().substr(0, 8);
  EXPECT_EQ(found(digits), a.digest.hex());
  const oci::Descriptor b = put("b", {digits});
  EXPECT_EQ(found(digits), b.digest.hex());
  EXPECT_EQ(found("sha256:" + digits), a.digest.hex());
}

TEST_F(LocalImages, what_several_begin_with_names_them) {
  // A few hundred images: two begin with the same four digits, as one in 65,536 pairs does.
  std::map<std::string, std::string> names;  // by the first digits
  std::string digits;
  for (int i = 0; digits.empty(); ++i) {
    const std::string name = "image" + std::to_string(i);
    const oci::Descriptor root = put(name, {name});
    const std::string id = image_id(*store_, root).hex().substr(0, 4);
    if (!names.try_emplace(id, name).second) digits = id;
    names.try_emplace(root.digest.hex().substr(0, 4), name);
  }
  expect_error(Errc::invalid, names.at(digits) + ":latest)", [&] { find_image(*store_, digits); });
  expect_error(Errc::invalid, "beginning of several images", [&] { find_image(*store_, digits); });
}

TEST_F(LocalImages, of_several_platforms_the_index_is_the_id) {
  const oci::Descriptor root = tests::put_sample_index(*store_);
  store_->put_name(oci::parse_reference("many"), root, "");
  EXPECT_EQ(image_id(*store_, root), root.digest);
  EXPECT_EQ(found(root.digest.hex().substr(0, 16)), root.digest.hex());
  EXPECT_FALSE(oci::is_index_type(image_manifest(*store_, root).media_type));
}

}  // namespace
}  // namespace cooper::cmd
