#include "tests/layers/apply_support.h"

#include <fcntl.h>

namespace cooper::layers {

Apply::Apply() : root_(TempDir::in_host_tmp("cooper-test-")) {
  root_.dir().make_dir(at("into"), 0700);
  root_.dir().make_dir(at("outside"), 0700);
  const UniqueFd fd = root_.dir().open_file(at("outside/victim"), O_WRONLY | O_CREAT, 0600);
  FdSink(fd.get(), "victim").write(as_bytes("untouched"));
}

void Apply::TearDown() {
  EXPECT_EQ(root_.dir().read_file(at("outside/victim"), 100), "untouched");
  EXPECT_EQ(root_.dir().list(at("outside")).size(), 1u);
  EXPECT_EQ(root_.dir().list(TreePath()).size(), 2u);
}

std::unique_ptr<Tree> tree_of(const std::vector<Item>& items) {
  std::vector<Entry> entries;
  for (const Item& item : items) entries.push_back(item.entry);
  return merge_layers({{share(Table(std::move(entries))), std::nullopt}});
}

}  // namespace cooper::layers
