#include "cache/prune.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>
#include <variant>

#include "base/error.h"
#include "cache/disk_full.h"
#include "cache/disk_usage.h"
#include "cache/file_lock.h"
#include "cache/layout.h"
#include "cache/reach.h"
#include "cache/wipe.h"

namespace cooper::cache {
namespace {

constexpr Nanoseconds kPerSecond = 1'000'000'000;
// Facts and remembered digests say nothing of their use; they are small, and dropped only after
// this long.
constexpr Nanoseconds kMemoryLasts = Nanoseconds{30} * 24 * 3600 * kPerSecond;

using layout::MountId;
using AnyId = std::variant<ObjectId, TreeId, MountId>;

struct Item {
  AnyId id;
  Nanoseconds last_use = 0;
  std::uint64_t size_bytes = 0;
  bool gone = false;
};

struct Image {  // all names of one root
  std::vector<oci::Reference> references;
  Reached reached;
  Nanoseconds last_use = 0;
};

Nanoseconds to_ns(std::chrono::seconds age) {
  constexpr std::int64_t kCentury =
      std::int64_t{100} * 365 * 24 * 3600;  // keeps the product in range
  return std::clamp<std::int64_t>(age.count(), 0, kCentury) * kPerSecond;
}

class Pruner {
 public:
  Pruner(const StoreParts& parts, const PruneOptions& options)
      : parts_(parts), options_(options), horizon_(parts.leases.begin_prune()) {
    oldest_kept_ = horizon_.before;
    if (options.older_than) {
      oldest_kept_ = std::min(oldest_kept_, now_ns() - to_ns(*options.older_than));
    }
  }

  PruneResult run() {
    scan_images();
    scan_items();
    prune_unreached();
    if (options_.all) prune_images();
    prune_memories();
    if (first_refusal_) throw Error(*first_refusal_);
    return result_;
  }

 private:
  void scan_images();
  void scan_items();
  void add(const AnyId& id, Nanoseconds last_use, std::uint64_t size_bytes);
  void prune_unreached();
  void prune_images();
  void prune_image(const Image& image);
  void remove_if_free(Item& item);
  void prune_memories();
  bool reached(const AnyId& id) const;
  bool enough() const { return options_.keep_bytes && total_bytes_ <= *options_.keep_bytes; }
  void remove(Item& item);
  bool remove_now(const AnyId& id);
  void count(Item& item);

  const StoreParts& parts_;
  const PruneOptions& options_;
  Leases::Horizon horizon_;
  Nanoseconds oldest_kept_ = 0;  // what was used at this moment or later stays
  std::map<oci::Digest, Image> images_;
  std::map<ObjectId, int> object_uses_;  // images that reach it
  std::map<oci::Digest, int> chain_uses_;
  std::map<AnyId, Item> items_;
  std::uint64_t total_bytes_ = 0;
  PruneResult result_;
  std::optional<Error> first_refusal_;
};

Nanoseconds object_use(const Dir& root, const ObjectId& id) {
  const std::optional<struct stat> status = root.try_stat(object_path(id));
  return status ? mtime_ns(*status) : 0;
}

void Pruner::scan_images() {
  for (const NamedImage& named : parts_.records.names()) {
    Image& image = images_[named.root.digest.value];
    image.references.push_back(named.reference);
    if (image.references.size() > 1) continue;
    image.reached = reach(parts_.objects, named.root);
    image.last_use = object_use(parts_.root.dir(), {ObjectKind::blob, named.root.digest.value});
    for (const ObjectId& id : image.reached.objects) ++object_uses_[id];
    for (const oci::Digest& chain : image.reached.chains) ++chain_uses_[chain];
  }
}

void Pruner::add(const AnyId& id, Nanoseconds last_use, std::uint64_t size_bytes) {
  if (items_.emplace(id, Item{id, last_use, size_bytes, false}).second) total_bytes_ += size_bytes;
}

void Pruner::scan_items() {
  const Dir& root = parts_.root.dir();
  for (const auto& [id, row] : parts_.objects.rows()) {
    add(id, object_use(root, id), row.size_bytes);
  }
  for (const ObjectId& id : parts_.objects.files()) {  // those without a row
    const std::optional<struct stat> status = root.try_stat(object_path(id));
    if (status) add(id, mtime_ns(*status), static_cast<std::uint64_t>(status->st_size));
  }
  for (const Trees::Listed& tree : parts_.trees.list()) {
    add(tree.id, tree.last_use, parts_.trees.size_bytes(tree.id));
  }
  for (const CacheMounts::Listed& mount : parts_.mounts.list()) {
    add(mount.id, mount.last_use, parts_.mounts.size_bytes(mount.id));
  }
}

bool Pruner::reached(const AnyId& id) const {
  if (const auto* object = std::get_if<ObjectId>(&id)) {
    const auto found = object_uses_.find(*object);
    return found != object_uses_.end() && found->second > 0;
  }
  if (const auto* tree = std::get_if<TreeId>(&id)) {
    const auto found = chain_uses_.find(tree->chain);
    return found != chain_uses_.end() && found->second > 0;
  }
  return false;
}

void Pruner::prune_unreached() {
  std::vector<Item*> order;
  for (auto& [id, item] : items_) {
    if (!reached(id) && item.last_use < oldest_kept_) order.push_back(&item);
  }
  std::ranges::stable_sort(order, {}, &Item::last_use);
  for (Item* item : order) {
    if (enough()) return;
    remove(*item);
  }
}

void Pruner::prune_images() {
  std::vector<const Image*> order;
  for (const auto& [digest, image] : images_) {
    if (image.last_use < oldest_kept_) order.push_back(&image);
  }
  std::ranges::stable_sort(order, {}, &Image::last_use);
  for (const Image* image : order) {
    if (enough()) return;
    prune_image(*image);
  }
}

void Pruner::prune_image(const Image& image) {
  const ObjectId& root = image.reached.objects.front();
  const auto remove_names = [&](Database& database) {
    database.query("DELETE FROM names WHERE digest=?").digest(root.digest).run();
  };
  if (object_uses_[root] > 1) {  // another image points to this root: only the name goes
    parts_.root.with_db(remove_names);
  } else {
    const auto removal = parts_.objects.remove(root, horizon_.before, remove_names);
    if (removal == Objects::Removal::in_use) return;
    const auto item = items_.find(root);
    if (removal == Objects::Removal::removed && item != items_.end()) count(item->second);
  }
  for (const ObjectId& id : image.reached.objects) --object_uses_[id];
  for (const oci::Digest& chain : image.reached.chains) --chain_uses_[chain];
  for (const ObjectId& id : image.reached.objects) {
    const auto item = items_.find(id);
    if (item != items_.end()) remove_if_free(item->second);
  }
  for (auto& [id, item] : items_) {
    if (std::holds_alternative<TreeId>(id)) remove_if_free(item);
  }
}

void Pruner::remove_if_free(Item& item) {
  if (!item.gone && !reached(item.id) && item.last_use < oldest_kept_) remove(item);
}

void Pruner::prune_memories() {
  if (enough()) return;
  const Nanoseconds month_ago = std::min(horizon_.before, now_ns() - kMemoryLasts);
  const Nanoseconds facts_before = options_.all || options_.older_than ? oldest_kept_ : month_ago;
  try {
    parts_.records.forget_unused(oldest_kept_, facts_before);
  } catch (const DiskFull&) {
    // Small things, for another time.
  }
  const Dir& root = parts_.root.dir();
  const TreePath digests = layout::path(layout::kDigests);
  if (!root.try_stat(digests)) return;
  for (const DirEntry& entry : root.list(digests)) {
    const TreePath path = digests.child(entry.name);
    const std::optional<struct stat> status = root.try_stat(path);
    if (status && mtime_ns(*status) < facts_before) root.remove_all(path);
  }
}

void Pruner::count(Item& item) {
  total_bytes_ -= item.size_bytes;
  ++result_.removed_objects;
  result_.freed_bytes += item.size_bytes;
  item.gone = true;
}

void Pruner::remove(Item& item) {
  try {
    if (remove_now(item.id)) count(item);
  } catch (const Error& error) {
    // Sub-id files seen from outside their namespace. The rest is removed first, then this is told.
    if (error.code() != Errc::denied) throw;
    if (!first_refusal_) first_refusal_ = error;
  }
}

bool Pruner::remove_now(const AnyId& id) {
  if (const auto* object = std::get_if<ObjectId>(&id)) {
    return parts_.objects.remove(*object, horizon_.before) == Objects::Removal::removed;
  }
  if (const auto* tree = std::get_if<TreeId>(&id)) {
    return parts_.trees.remove(*tree, horizon_.before) == Trees::Removal::removed;
  }
  return parts_.mounts.remove(std::get<MountId>(id), horizon_.before);
}

}  // namespace

PruneResult prune_store(const StoreParts& parts, const PruneOptions& options) {
  const bool everything = options.all && !options.older_than && !options.keep_bytes;
  try {
    parts.root.ensure();
  } catch (const Error& error) {
    // Emptying is the cure for a damaged database, so the damage cannot stand in its way.
    if (!everything || error.code() != Errc::corrupt) throw;
  }
  // One prune at a time: two would only meet at every object, and neither would find itself alone.
  const LockedFile turn = wait_for_lock(parts.root.dir(), "prune.lock", LockMode::exclusive);
  parts.ingest.sweep();
  PruneResult result;
  try {
    result = Pruner(parts, options).run();
  } catch (const Error& error) {
    if (!everything || error.code() != Errc::corrupt || !wipe(parts, &result)) throw;
    return result;
  }
  if (everything && wipe(parts, nullptr)) return result;
  parts.root.with_db([](Database& database) {
    Query vacuum = database.query("PRAGMA incremental_vacuum");
    while (vacuum.step()) {
    }
  });
  return result;
}

std::uint64_t store_size(const StoreParts& parts) {
  std::uint64_t total = parts.root.with_db([](Database& database) {
    Query sum = database.query("SELECT coalesce(sum(size), 0) FROM objects");
    return sum.step() ? sum.get_size(0) : 0;
  });
  for (const Trees::Listed& tree : parts.trees.list()) total += parts.trees.size_bytes(tree.id);
  return total + disk_usage(parts.root.dir(), layout::path(layout::kMounts));
}

}  // namespace cooper::cache
