// What the layer tests share: short spellings of entries, layers made in memory, expected errors.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/temp_dir.h"
#include "layers/apply.h"
#include "layers/layer_writer.h"
#include "layers/tree.h"
#include "tests/support/memory_blobs.h"

namespace cooper::layers {

struct Item {
  Entry entry;
  std::string content;
};

std::unique_ptr<ByteSource> source_of(std::string text);
TreePath at(std::string_view path);

Item file_item(std::string_view path, std::string content, std::uint32_t mode = 0644);
Item dir_item(std::string_view path, std::uint32_t mode = 0755, bool opaque = false);
Item link_item(std::string_view path, std::string target);
Item hard_item(std::string_view path, std::string first);
Item device_item(std::string_view path, EntryType type, std::uint32_t major, std::uint32_t minor);
Item fifo_item(std::string_view path);
Item whiteout_item(std::string_view path);

WrittenLayer write_layer(oci::BlobStore& blobs, std::vector<Item> items,
                         const CompressionSpec& spec = {Compression::none});
std::string tar_of(std::vector<Item> items);
std::unique_ptr<Tree> empty_tree();
// The same, owned by whoever runs the test: what needs no privilege to apply.
Item mine(Item item);
// The seal of the tests' store.
const StandInSeal& test_seal();
// One layer of these entries and a root, all owned by whoever runs the test; no files behind it.
std::unique_ptr<Tree> below_of(std::vector<Item> items);
TablePtr share(Table table);

std::string read_content(const Tree& tree, std::string_view path);
// Every path of a tree, with types, modes, owners, links and bytes, one line each.
std::string describe(const Tree& tree);
std::string describe(const Entry& entry);

// Expects an Error of that code whose text holds every one of the words.
void expect_error(Errc code, const std::vector<std::string>& words,
                  const std::function<void()>& body);

}  // namespace cooper::layers
