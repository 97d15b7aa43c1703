// A store and a host directory, both gone with the test.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "base/temp_dir.h"
#include "builder/materializer.h"
#include "cache/store.h"
#include "tests/builder/plan_fixture.h"
#include "tests/support/memory_blobs.h"

namespace cooper::builder {

namespace fs = std::filesystem;

inline void write_file(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

inline std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Layers that are "elsewhere" until somebody asks for them.
class FakeFetcher : public LayerFetcher {
 public:
  explicit FakeFetcher(cache::Store& store) : store_(store) {}
  void ensure_blob(const oci::Descriptor& blob) override {
    if (store_.has(blob.digest)) return;
    fetched.push_back(blob.digest);
    const std::string content = elsewhere.content(blob.digest);
    auto writer = store_.new_blob();
    writer->write(as_bytes(content));
    writer->commit(blob.digest);
  }

  tests::MemoryBlobs elsewhere;
  std::vector<oci::BlobDigest> fetched;

 private:
  cache::Store& store_;
};

class StoreTest : public ::testing::Test {
 protected:
  fs::path path(const std::string& name) const { return fs::path(home_.host_path()) / name; }

  TempDir home_ = TempDir::in_host_tmp("cooper-builder-test-");
  std::unique_ptr<cache::Store> store_ = cache::Store::open(fs::path(home_.host_path()) / "store");
  FakeFetcher fetcher_{*store_};
};

}  // namespace cooper::builder
