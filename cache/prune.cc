#include "cache/prune.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "cache/disk_full.h"
#include "cache/disk_usage.h"
#include "cache/file_lock.h"
#include "cache/inventory.h"
#include "cache/layout.h"
#include "cache/wipe.h"

namespace cooper::cache {
namespace {

constexpr Nanoseconds kPerSecond = 1'000'000'000;
// Facts and remembered digests say nothing of their use; they are small, and dropped only after
// this long.
constexpr Nanoseconds kMemoryLasts = Nanoseconds{30} * 24 * 3600 * kPerSecond;

using layout::MountId;
using Item = Inventory::Item;
using Image = Inventory::Image;

Nanoseconds to_ns(std::chrono::seconds age) {
  constexpr std::int64_t kCentury =
      std::int64_t{100} * 365 * 24 * 3600;  // keeps the product in range
  return std::clamp<std::int64_t>(age.count(), 0, kCentury) * kPerSecond;
}

// When to stop, and what may go.
struct Plan {
  bool names = false;     // names may go
  bool memories = false;  // remembered facts may go however young
  std::optional<std::chrono::seconds> older_than;
  std::optional<std::uint64_t> keep_bytes;
  std::optional<RoomRequest> room;
};

class Pruner {
 public:
  Pruner(const StoreParts& parts, Plan plan)
      : parts_(parts), plan_(std::move(plan)), horizon_(parts.leases.begin_prune()), held_(parts) {
    oldest_kept_ = horizon_.before;
    if (plan_.older_than) oldest_kept_ = std::min(oldest_kept_, now_ns() - to_ns(*plan_.older_than));
  }

  PruneResult run() {
    if (plan_.room && plan_.names && held_.idle_bytes(oldest_kept_) < plan_.room->needed_bytes) return result_;
    prune_unreached();
    if (plan_.names) prune_images();
    prune_memories();
    if (first_refusal_) throw Error(*first_refusal_);
    return result_;
  }

 private:
  void prune_unreached();
  void prune_images();
  void prune_image(const Image& image);
  void remove_if_free(Item& item);
  void prune_memories();
  bool small_enough() const { return plan_.keep_bytes && held_.total_bytes() <= *plan_.keep_bytes; }
  bool freed(std::uint64_t RoomRequest::*goal) const {
    return plan_.room && freed_disk_bytes_ >= (*plan_.room).*goal;
  }
  void remove(Item& item);
  bool remove_now(const AnyId& id);
  void count(Item& item);

  const StoreParts& parts_;
  const Plan plan_;
  Leases::Horizon horizon_;
  Nanoseconds oldest_kept_ = 0;  // what was used at this moment or later stays
  Inventory held_;
  PruneResult result_;
  std::uint64_t freed_disk_bytes_ = 0;
  std::optional<Error> first_refusal_;
};

void Pruner::prune_unreached() {
  std::vector<Item*> order;
  for (auto& [id, item] : held_.items()) {
    if (!held_.reached(id) && item.last_use < oldest_kept_) order.push_back(&item);
  }
  std::ranges::stable_sort(order, {}, &Item::last_use);
  for (Item* item : order) {
    if (small_enough() || freed(&RoomRequest::wished_bytes)) return;
    remove(*item);
  }
}

void Pruner::prune_images() {
  std::vector<const Image*> order;
  for (const auto& [digest, image] : held_.images()) {
    if (image.last_use < oldest_kept_) order.push_back(&image);
  }
  std::ranges::stable_sort(order, {}, &Image::last_use);
  for (const Image* image : order) {
    if (small_enough() || freed(&RoomRequest::needed_bytes)) return;
    prune_image(*image);
  }
}

void Pruner::prune_image(const Image& image) {
  const ObjectId& root = image.reached.objects.front();
  const auto remove_names = [&](Database& database) {
    database.query("DELETE FROM names WHERE digest=?").digest(root.digest).run();
  };
  if (held_.uses(root) > 1) {  // another image points to this root: only the name goes
    parts_.root.with_db(remove_names);
  } else {
    const auto removal = parts_.objects.remove(root, horizon_.before, remove_names);
    if (removal == Objects::Removal::in_use) return;
    const auto item = held_.items().find(root);
    if (removal == Objects::Removal::removed && item != held_.items().end()) count(item->second);
  }
  if (plan_.room && plan_.room->gave_up) std::ranges::for_each(image.references, plan_.room->gave_up);
  held_.forget(image);
  for (const ObjectId& id : image.reached.objects) {
    const auto item = held_.items().find(id);
    if (item != held_.items().end()) remove_if_free(item->second);
  }
  for (auto& [id, item] : held_.items()) {
    if (std::holds_alternative<TreeId>(id)) remove_if_free(item);
  }
}

void Pruner::remove_if_free(Item& item) {
  if (!item.gone && !held_.reached(item.id) && item.last_use < oldest_kept_) remove(item);
}

void Pruner::prune_memories() {
  if (small_enough()) return;
  const Nanoseconds month_ago = std::min(horizon_.before, now_ns() - kMemoryLasts);
  const Nanoseconds facts_before = plan_.memories ? oldest_kept_ : month_ago;
  try {
    parts_.records.forget_unused(plan_.room ? month_ago : oldest_kept_, facts_before);
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
  held_.gone(item);
  ++result_.removed_objects;
  result_.freed_bytes += item.size_bytes;
  if (item.recorded) freed_disk_bytes_ += item.disk_bytes();
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

// What the file took of the database for rows that are gone.
void shrink_database(const StoreParts& parts) {
  parts.root.with_db([](Database& database) {
    Query vacuum = database.query("PRAGMA incremental_vacuum");
    while (vacuum.step()) {
    }
  });
}

// One prune at a time: two would only meet at every object, and neither would find itself alone.
LockedFile take_turn(const StoreParts& parts) {
  return wait_for_lock(parts.root.dir(), "prune.lock", LockMode::exclusive);
}

}  // namespace

PruneResult prune_store(const StoreParts& parts, const PruneOptions& options) {
  const bool everything = options.all && !options.older_than && !options.keep_bytes;
  try {
    parts.root.ensure();
  } catch (const Error& error) {
    if (!everything || !is_cured_by_emptying(error)) throw;
  }
  const LockedFile turn = take_turn(parts);
  parts.ingest.sweep();
  PruneResult result;
  try {
    const bool memories = options.all || options.older_than.has_value();
    result = Pruner(parts, {options.all, memories, options.older_than, options.keep_bytes, std::nullopt}).run();
  } catch (const Error& error) {
    if (!everything || !is_cured_by_emptying(error) || !wipe(parts, &result)) throw;
    return result;
  }
  if (everything && wipe(parts, nullptr)) return result;
  shrink_database(parts);
  return result;
}

PruneResult make_room(const StoreParts& parts, const RoomRequest& request) {
  const LockedFile turn = take_turn(parts);
  parts.ingest.sweep();
  const PruneResult result = Pruner(parts, {request.names, false, std::nullopt, std::nullopt, request}).run();
  shrink_database(parts);
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
