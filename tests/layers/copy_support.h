// What the COPY tests share: a scratch build context, trees with bytes made of items, filters and
// globs, and one COPY from sources to the entries of its layer.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "layers/copy.h"
#include "tests/layers/layer_support.h"

namespace cooper::layers {

// cap_net_bind_service, effective and permitted, in version 2.
extern const std::string kCapabilityValue;

// A directory on the host. Everything in it gets the mtime kContextTime.
inline constexpr std::int64_t kContextTime = 1'500'000'000;
class Context {
 public:
  Context() : directory_(TempDir::in_host_tmp("cooper-copy-test-")) {}
  Context& file(const std::string& path, const std::string& content = "x", mode_t mode = 0644);
  Context& dir(const std::string& path, mode_t mode = 0755);
  Context& link(const std::string& path, const std::string& target);
  Context& hard(const std::string& path, const std::string& first);
  Context& fifo(const std::string& path);
  Context& socket(const std::string& path);
  Context& touch(const std::string& path, Timestamp time = {kContextTime, 0});
  // False: only root may, and not on every file system.
  bool give_capability(const std::string& path) const;

  const Dir& root() const { return directory_.dir(); }
  std::string host_path(const std::string& path) const {
    return directory_.host_path() + "/" + path;
  }
  std::shared_ptr<const Tree> tree(HostTreeOptions options = {}) const;

 private:
  void parents(const std::string& path);
  Context& settle(const std::string& path);
  TempDir directory_;
};

// Layer items (sorted) as a tree with bytes: a stage, an image, the destination.
std::shared_ptr<const Tree> item_tree(std::vector<Item> items);

// Patterns of an ignore file or --exclude, last match decides, "!" re-includes.
std::shared_ptr<const PathFilter> filter(std::vector<std::string> patterns);
// Go's filepath.Match; deep: "**" spans directories.
bool glob(const std::string& pattern, const std::string& path, bool deep);

CopyRequest request(const std::vector<std::string>& patterns);
// The names a selection took: "a.txt", "src/" and what is beneath it as "src: a, b/, b/c" in one
// line each.
std::string describe(const Selection& selection);

using Layer = std::map<std::string, Item>;  // absolute path -> entry and bytes
Layer read_layer(tests::MemoryBlobs& blobs, const WrittenLayer& layer);
std::string names(const Layer& layer);  // "/a /a/b"

// "/d directory 755 0:0 now": mtimes of PlaceOptions::now, of the context and of items by name.
inline constexpr std::int64_t kNow = 1'700'000'000;
inline constexpr std::int64_t kBelowTime = 1'600'000'000;
std::string line(const Item& item);
std::string lines(const Layer& layer);

struct Copy {
  std::shared_ptr<const Tree> source;
  std::vector<Item> below;  // sorted
  CopyRequest request;
  PlaceOptions options;

  Copy(std::shared_ptr<const Tree> from, const std::vector<std::string>& patterns,
       std::string destination);
  Layer run() const;
};

}  // namespace cooper::layers
