// What the store holds, what reaches it and when it was last used: one look at it, by which prune decides and `store du`
// tells. Notes no use.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <variant>
#include <vector>

#include "cache/layout.h"
#include "cache/prune.h"
#include "cache/reach.h"

namespace cooper::cache {

using AnyId = std::variant<ObjectId, TreeId, layout::MountId>;

// What a file of so many bytes takes, in blocks as most file systems have them.
constexpr std::uint64_t disk_bytes_of_file(std::uint64_t size_bytes) {
  constexpr std::uint64_t kBlock = 4096;
  return (size_bytes + kBlock - 1) / kBlock * kBlock;
}

class Inventory {
 public:
  struct Item {
    AnyId id;
    Nanoseconds last_use = 0;  // 0: nothing says so
    std::uint64_t size_bytes = 0;
    bool gone = false;
    bool recorded = true;  // else a leftover of somebody who was killed, which a limit's total knows nothing of
    std::uint64_t disk_bytes() const {
      return std::holds_alternative<ObjectId>(id) ? disk_bytes_of_file(size_bytes) : size_bytes;
    }
  };
  struct Image {  // all names of one root
    std::vector<oci::Reference> references;
    Reached reached;
    Nanoseconds last_use = 0;
  };

  explicit Inventory(const StoreParts& parts);

  std::map<AnyId, Item>& items() { return items_; }
  const std::map<AnyId, Item>& items() const { return items_; }
  const std::map<oci::Digest, Image>& images() const { return images_; }
  std::uint64_t total_bytes() const noexcept { return total_bytes_; }

  // Whether an image that has a name needs it.
  bool reached(const AnyId& id) const;
  // How many images reach it.
  int uses(const ObjectId& id) const;
  // The image has no name any more: what only it reached is not reached now.
  void forget(const Image& image);
  // What was used before `before`, and is not of an image whose root was used since: disk bytes that may be had.
  std::uint64_t idle_bytes(Nanoseconds before) const;
  // Whether an image whose root was used at `since` or later needs it.
  bool in_used_image(const AnyId& id, Nanoseconds since) const;
  // The item was removed.
  void gone(Item& item);

 private:
  void scan_images(const StoreParts& parts);
  void scan_items(const StoreParts& parts);
  void add(const AnyId& id, Nanoseconds last_use, std::uint64_t size_bytes, bool recorded = true);

  std::map<oci::Digest, Image> images_;
  std::map<ObjectId, int> object_uses_;  // images that reach it
  std::map<oci::Digest, int> chain_uses_;
  std::map<ObjectId, Nanoseconds> object_image_use_;  // the last use of any image that reaches it
  std::map<oci::Digest, Nanoseconds> chain_image_use_;
  std::map<AnyId, Item> items_;
  std::uint64_t total_bytes_ = 0;
};

}  // namespace cooper::cache
