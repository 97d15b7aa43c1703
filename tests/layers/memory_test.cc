// What lists of very many files may cost: a build of half a million must stay within a small
// machine.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>

#include "tests/layers/copy_support.h"

namespace cooper::layers {
namespace {

std::size_t allocated_bytes() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

// Every file is the same; notes how much was allocated when one was opened.
class WatchingTree : public Tree {
 public:
  std::optional<Entry> find(const TreePath&) const override { return std::nullopt; }
  std::vector<Entry> children(const TreePath&) const override { return {}; }
  std::unique_ptr<ByteSource> open(const Entry&) const override {
    if (++opened_ % 256 == 0) most_bytes = std::max(most_bytes, allocated_bytes());
    return std::make_unique<MemorySource>("x");
  }
  FileContent content_of(const Entry&) const override { return {{oci::sha256("x")}, {}}; }

  mutable std::size_t most_bytes = 0;

 private:
  mutable std::size_t opened_ = 0;
};

class Nowhere : public oci::BlobStore {
 public:
  bool has(const oci::BlobDigest&) override { return false; }
  std::unique_ptr<ByteSource> open_blob(const oci::BlobDigest&) override { return nullptr; }
  std::unique_ptr<oci::BlobWriter> new_blob() override { return std::make_unique<Writer>(); }

 private:
  class Writer : public oci::BlobWriter {
   public:
    void write(Bytes) override {}
    std::pair<oci::BlobDigest, std::uint64_t> commit(
        const std::optional<oci::BlobDigest>&) override {
      return {};
    }
  };
};

TEST(Memory, a_copied_file_costs_little_beside_its_place_in_the_selection) {
  constexpr std::size_t kFiles = 30'000;
  constexpr std::size_t kBytesPerFile = 180;
  const auto tree = std::make_shared<WatchingTree>();
  Selection selection;
  selection.tree = tree;
  SelectedSource& source = selection.sources.emplace_back();
  source.is_directory = true;
  source.top.type = EntryType::directory;
  for (std::size_t i = 0; i < kFiles; ++i) {
    source.beneath.entries.push_back(file_item(cat("f", 100'000 + i), "x").entry);
  }
  PlaceOptions options;
  options.destination = "/a/directory/that/was/not/there/";
  Nowhere blobs;
  LayerWriter writer(blobs, {Compression::none});
  const std::size_t before = allocated_bytes();
  write_copy(std::move(selection), options, *merge_layers({}), writer);
  const WrittenLayer layer = std::move(writer).finish();
  EXPECT_EQ(layer.table.rows(), kFiles + 6);
  EXPECT_LT(tree->most_bytes, before + kFiles * kBytesPerFile);
  EXPECT_LT(allocated_bytes(), before + kFiles * kBytesPerFile);
}

}  // namespace
}  // namespace cooper::layers
