#include "cache/usage.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/error.h"
#include "cache/disk_usage.h"
#include "cache/inventory.h"
#include "cache/overhead.h"

namespace cooper::cache {
namespace {

using Kind = StoreEntry::Kind;
using Need = StoreEntry::Need;

std::optional<std::chrono::sys_seconds> time_of(Nanoseconds last_use) {
  if (last_use == 0) return std::nullopt;
  return std::chrono::floor<std::chrono::seconds>(
      std::chrono::sys_time<std::chrono::nanoseconds>(std::chrono::nanoseconds(last_use)));
}

StoreEntry named_entry(const AnyId& id) {
  StoreEntry entry;
  if (const auto* object = std::get_if<ObjectId>(&id)) {
    entry.kind = object->kind == ObjectKind::blob ? Kind::blob : Kind::table;
    entry.name = object->digest.str();
  } else if (const auto* tree = std::get_if<TreeId>(&id)) {
    entry.kind = Kind::tree;
    entry.name = tree_size_key(*tree);
  } else {
    const auto& mount = std::get<layout::MountId>(id);
    entry.kind = Kind::cache_mount;
    entry.name = cat(mount.mapping, "/", layout::mount(mount).name());
  }
  return entry;
}

// What its user wrote into its mark.
std::string description_of(const Dir& root, const layout::MountId& id) {
  constexpr std::size_t kLimitBytes = 64 * 1024;
  std::optional<UniqueFd> mark = root.try_open_file(layout::mount_mark(id), O_RDONLY);
  if (!mark) return "";
  FdSource source(std::move(*mark), "the mark of a cache mount");
  std::string text = read_all(source, kLimitBytes, "the mark of a cache mount");
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

Need need_of(const Inventory& held, const Inventory::Item& item, Nanoseconds horizon) {
  if (item.last_use >= horizon || held.in_used_image(item.id, horizon)) return Need::build;
  return held.reached(item.id) ? Need::image : Need::none;
}

// What blocks of object files are larger than the files.
std::uint64_t block_bytes(const Dir& root, const Inventory& held) {
  constexpr std::uint64_t kBlockBytes = 512;  // st_blocks, whatever the file system's own
  std::uint64_t total = 0;
  for (const auto& [id, item] : held.items()) {
    const auto* object = std::get_if<ObjectId>(&id);
    const auto status = object != nullptr ? root.try_stat(object_path(*object)) : std::nullopt;
    if (!status) continue;
    const std::uint64_t allocated = static_cast<std::uint64_t>(status->st_blocks) * kBlockBytes;
    total += allocated - std::min(allocated, item.size_bytes);
  }
  return total;
}

}  // namespace

StoreUsage store_usage(const StoreParts& parts) {
  parts.root.ensure();
  const Nanoseconds horizon = parts.leases.horizon();
  const Inventory held(parts);
  const Dir& root = parts.root.dir();
  StoreUsage usage;
  for (const auto& [id, item] : held.items()) {
    StoreEntry entry = named_entry(id);
    entry.size_bytes = item.size_bytes;
    entry.last_use = time_of(item.last_use);
    entry.need = need_of(held, item, horizon);
    if (const auto* mount = std::get_if<layout::MountId>(&id)) entry.description = description_of(root, *mount);
    usage.entries.push_back(std::move(entry));
  }
  std::ranges::stable_sort(usage.entries, [](const StoreEntry& a, const StoreEntry& b) {
    return a.kind != b.kind ? a.kind < b.kind : a.last_use > b.last_use;
  });
  usage.records = parts.root.with_db([](Database& database) {
    Query count = database.query("SELECT count(*) FROM records WHERE substr(key, 1, 1)=x'73'");  // 's': steps
    return count.step() ? count.get_size(0) : 0;
  });
  const Overhead other = overhead(root);
  usage.database_bytes = database_bytes(root);
  usage.digests_bytes = other.digests_bytes;
  usage.unfinished_bytes = disk_usage(root, layout::path(layout::kIngest));
  usage.other_bytes = other.directory_bytes + block_bytes(root, held);
  return usage;
}

}  // namespace cooper::cache
