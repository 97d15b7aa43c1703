// A store in a temporary directory, and what tests put into it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/temp_dir.h"
#include "cache/layout.h"
#include "cache/store.h"
#include "oci/image.h"
#include "tests/oci/expect_error.h"

namespace cooper::cache {

using tests::expect_error;
namespace fs = std::filesystem;

inline oci::BlobDigest digest_of(std::string_view text) {
  return {oci::sha256(text)};
}
inline StepKey key_of(std::string_view text) {
  return {oci::sha256(text)};
}
inline oci::ChainId chain_of(std::string_view text) {
  return {oci::sha256(text)};
}
inline oci::DiffId diff_of(std::string_view text) {
  return {oci::sha256(text)};
}

inline oci::Descriptor put_blob(Store& store, std::string_view text,
                                std::string_view media_type = oci::kLayerTarType) {
  return oci::write_blob(store, media_type, text);
}
inline std::string get_blob(Store& store, std::string_view text) {
  const std::unique_ptr<ByteSource> source = store.open_blob(digest_of(text));
  return read_all(*source, std::size_t{1} << 24, "a blob");
}
inline StepRecord step_of(const oci::Descriptor& layer) {
  return {.inputs = "RUN something",
          .layer = LayerRecord{layer, {layer.digest.value}},
          .created = "2024-01-02T03:04:05Z"};
}
// A record with its blob.
inline void put_layer_step(Store& store, const std::string& name) {
  store.put_step(key_of(name), step_of(put_blob(store, "layer of " + name)));
}

// body(number) in so many processes at once. Each has to return 0; what it throws is told. `meanwhile` runs here.
inline void in_processes(int count, const std::function<int(int)>& body, const std::function<void()>& meanwhile = {}) {
  std::vector<pid_t> children;
  for (int number = 0; number < count; ++number) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child != 0) {
      children.push_back(child);
      continue;
    }
    int code = 100;
    try {
      code = body(number);
    } catch (const std::exception& error) {
      ::dprintf(STDERR_FILENO, "child: %s\n", error.what());
    }
    ::_exit(code);
  }
  if (meanwhile) meanwhile();
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
}

struct TestImage {
  oci::Descriptor manifest, config, layer;
  oci::DiffId diff_id;
  oci::ChainId chain;
};
// An image of one layer with its table and its tree.
inline TestImage put_image(Store& store, const std::string& name) {
  TestImage image;
  image.layer = put_blob(store, "layer of " + name);
  image.diff_id = {image.layer.digest.value};
  image.chain = oci::chain_id(std::nullopt, image.diff_id);
  oci::ImageConfig config;
  config.platform = {.os = "linux", .architecture = "amd64"};
  config.diff_ids = {image.diff_id};
  image.config = put_blob(store, oci::to_json(config), oci::kConfigType);
  oci::Manifest manifest;
  manifest.config = image.config;
  manifest.layers = {image.layer};
  image.manifest = put_blob(store, oci::to_json(manifest), oci::kManifestType);
  store.put_table(image.diff_id, "table of " + name);
  return image;
}
// A table's bytes as they were put; nullopt: there is none.
inline std::optional<std::string> table_text(Store& store, const oci::DiffId& diff_id) {
  std::optional<UniqueFd> file = store.open_table(diff_id);
  if (!file) return std::nullopt;
  FdSource source(std::move(*file), "a table");
  return read_all(source, 1 << 20, "a table");
}
inline oci::Reference name_of(const std::string& name) {
  return oci::parse_reference(name);
}

inline void write_file(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

// Runs body in a child process; its exit status (wait(2)), with 98 for an exception.
inline int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 98;
    try {
      code = body();
    } catch (const std::exception& error) {  // told, as the number alone says little
      ::dprintf(2, "child: %s\n", error.what());
    }
    ::_exit(code);
  }
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

class StoreTest : public ::testing::Test {
 protected:
  fs::path path() const { return fs::path(temp_.host_path()) / "store"; }
  std::unique_ptr<Store> open() const { return Store::open(path()); }

  fs::path blob_path(std::string_view text) const {
    return path() / layout::blob(oci::sha256(text)).str();
  }
  // Names beneath a directory of the store, without the fan-out; empty when it is not there.
  std::vector<std::string> names_in(const std::string& directory) const {
    std::vector<std::string> names;
    if (!fs::exists(path() / directory)) return names;
    for (const auto& entry : fs::directory_iterator(path() / directory)) {
      names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
  }
  // Makes what is there look as if last used long before any lease or prune of the test.
  void age_everything() const {
    const auto past = fs::file_time_type::clock::now() - std::chrono::hours(24 * 10);
    for (const char* directory : {"blobs", "tables", "trees"}) {
      if (!fs::exists(path() / directory)) continue;
      for (const auto& entry : fs::recursive_directory_iterator(path() / directory)) {
        if (entry.is_regular_file()) fs::last_write_time(entry.path(), past);
      }
    }
  }

 private:
  TempDir temp_ = TempDir::in_host_tmp("store-");
};

inline void put_plain_tree(Store& store, const std::string& mapping, const oci::ChainId& chain,
                           const std::string& content) {
  TempDir tree = store.new_tree(mapping);
  write_file(fs::path(tree.host_path()) / "file", content);
  store.put_tree(mapping, chain, std::move(tree), TreePath());
}

}  // namespace cooper::cache
