// The fixture of the apply tests.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/layers/layer_support.h"

namespace cooper::layers {

// A layer directory beside a file that nothing may touch.
class Apply : public testing::Test {
 protected:
  Apply();

  void TearDown() override;

  Dir into() const { return root_.dir().subdir(at("into")); }
  Table apply(const std::string& tar) { return apply_over(tar, *empty_tree()); }
  Table apply_over(const std::string& tar, const Tree& below) {
    return apply_layer(source_of(tar), into(), test_seal(), below, {}, "layer-x");
  }
  struct stat stat_of(std::string_view path) const {
    return into().stat(at(path));
  }

  TempDir root_;
};

// A tree of these entries, with no files behind it.
std::unique_ptr<Tree> tree_of(const std::vector<Item>& items);

}  // namespace cooper::layers
