#include "cache/inventory.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>

namespace cooper::cache {
namespace {

Nanoseconds object_use(const Dir& root, const ObjectId& id) {
  const std::optional<struct stat> status = root.try_stat(object_path(id));
  return status ? mtime_ns(*status) : 0;
}

template <class Map, class Key>
typename Map::mapped_type value_or_none(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? typename Map::mapped_type{} : found->second;
}

}  // namespace

Inventory::Inventory(const StoreParts& parts) {
  scan_images(parts);
  scan_items(parts);
}

void Inventory::scan_images(const StoreParts& parts) {
  for (const NamedImage& named : parts.records.names()) {
    Image& image = images_[named.root.digest.value];
    image.references.push_back(named.reference);
    if (image.references.size() > 1) continue;
    image.reached = reach(parts.objects, named.root);
    image.last_use = object_use(parts.root.dir(), {ObjectKind::blob, named.root.digest.value});
    const auto note = [&](auto& uses, auto& last, const auto& id) {
      ++uses[id];
      last[id] = std::max(last[id], image.last_use);
    };
    for (const ObjectId& id : image.reached.objects) note(object_uses_, object_image_use_, id);
    for (const oci::Digest& chain : image.reached.chains) note(chain_uses_, chain_image_use_, chain);
  }
}

void Inventory::add(const AnyId& id, Nanoseconds last_use, std::uint64_t size_bytes, bool recorded) {
  if (items_.emplace(id, Item{id, last_use, size_bytes, false, recorded}).second) total_bytes_ += size_bytes;
}

void Inventory::scan_items(const StoreParts& parts) {
  const Dir& root = parts.root.dir();
  for (const auto& [id, row] : parts.objects.rows()) {
    add(id, object_use(root, id), row.size_bytes);
  }
  for (const ObjectId& id : parts.objects.files()) {  // those without a row
    const std::optional<struct stat> status = root.try_stat(object_path(id));
    if (status) add(id, mtime_ns(*status), static_cast<std::uint64_t>(status->st_size), false);
  }
  for (const Trees::Listed& tree : parts.trees.list()) {
    add(tree.id, tree.last_use, parts.trees.size_bytes(tree.id));
  }
  for (const CacheMounts::Listed& mount : parts.mounts.list()) {
    add(mount.id, mount.last_use, parts.mounts.size_bytes(mount.id));
  }
}

int Inventory::uses(const ObjectId& id) const { return value_or_none(object_uses_, id); }

bool Inventory::reached(const AnyId& id) const {
  if (const auto* object = std::get_if<ObjectId>(&id)) return uses(*object) > 0;
  if (const auto* tree = std::get_if<TreeId>(&id)) return value_or_none(chain_uses_, tree->chain) > 0;
  return false;
}

void Inventory::forget(const Image& image) {
  for (const ObjectId& id : image.reached.objects) --object_uses_[id];
  for (const oci::Digest& chain : image.reached.chains) --chain_uses_[chain];
}

bool Inventory::in_used_image(const AnyId& id, Nanoseconds since) const {
  if (!reached(id)) return false;
  if (const auto* object = std::get_if<ObjectId>(&id)) return value_or_none(object_image_use_, *object) >= since;
  return value_or_none(chain_image_use_, std::get<TreeId>(id).chain) >= since;
}

std::uint64_t Inventory::idle_bytes(Nanoseconds before) const {
  std::uint64_t bytes = 0;
  for (const auto& [id, item] : items_) {
    if (item.recorded && item.last_use < before && !in_used_image(id, before)) bytes += item.disk_bytes();
  }
  return bytes;
}

void Inventory::gone(Item& item) {
  total_bytes_ -= item.size_bytes;
  item.gone = true;
}

}  // namespace cooper::cache
