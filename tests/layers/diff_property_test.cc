// diff(apply(x)) is x, over generated layers.

#include <unistd.h>

#include <cstdlib>
#include <map>
#include <random>

#include "layers/diff.h"
#include "tests/layers/layer_support.h"

namespace cooper::layers {
namespace {

using Items = std::map<TreePath, Item>;

// Builds read trees as root of a namespace, whom no mode stops. This process may be a plain user.
const std::uint32_t kAlwaysReadable = ::geteuid() == 0 ? 0 : 0400;

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  Items base() {
    Items items;
    for (int i = 0; i < 12; ++i) add(items, path(), false);
    return items;
  }

  // Changes over base, as canonical as write_diff makes them.
  Items layer(const Items& base) {
    Items items;
    for (int i = 0; i < 12; ++i) {
      const bool touch_base = !base.empty() && pick(3) == 0;
      add(items,
          touch_base ? std::next(base.begin(), pick(static_cast<int>(base.size())))->first : path(),
          true);
    }
    for (auto item = items.begin(); item != items.end();) {
      Entry& entry = item->second.entry;
      const auto lower = base.find(entry.path);
      const bool shows = visible(base, items, entry.path) && lower != base.end();
      if (entry.opaque) entry.opaque = shows && lower->second.entry.type == EntryType::directory;
      item = entry.type == EntryType::whiteout && !shows ? items.erase(item) : std::next(item);
    }
    drop_unchanged(base, items);
    return items;
  }

 private:
  std::uint32_t bits() { return static_cast<std::uint32_t>(random_()); }
  int pick(int n) { return static_cast<int>(bits() % static_cast<std::uint32_t>(n)); }

  TreePath path() {
    static const std::vector<std::string> kNames = {
        "a", "a.b", "b", "\xc3\xa9", "\xff", "-", "long-name-of-some-file"};
    TreePath made;
    for (int depth = 1 + pick(3); depth > 0; --depth) {
      made = made.child(kNames[static_cast<std::size_t>(pick(static_cast<int>(kNames.size())))]);
    }
    return made;
  }

  static bool visible(const Items& base, const Items& items, const TreePath& path) {
    for (TreePath above = path.parent(); !above.is_root(); above = above.parent()) {
      const auto lower = base.find(above);
      const auto upper = items.find(above);
      if (lower == base.end() || lower->second.entry.type != EntryType::directory) return false;
      if (upper == items.end() || upper->second.entry.opaque) return false;
    }
    return true;
  }

  // A diff tells of a directory only what differs, or what is in it.
  static void drop_unchanged(const Items& base, Items& items) {
    std::vector<TreePath> unchanged;
    for (const auto& [path, item] : items) {
      const auto lower = base.find(path);
      const auto next = items.upper_bound(path);
      const bool parent = next != items.end() && next->first.parent() == path;
      if (!parent && lower != base.end() && item.entry == lower->second.entry &&
          item.entry.type == EntryType::directory && visible(base, items, path))
        unchanged.push_back(path);
    }
    for (const TreePath& path : unchanged) items.erase(path);
    if (!unchanged.empty()) drop_unchanged(base, items);
  }

  void add(Items& items, const TreePath& path, bool upper) {
    for (TreePath above = path.parent(); !above.is_root(); above = above.parent()) {
      const auto found = items.find(above);
      if (found != items.end() && found->second.entry.type != EntryType::directory) return;
    }
    if (items.contains(path)) return;
    for (TreePath above = path.parent(); !above.is_root(); above = above.parent()) {
      if (!items.contains(above))
        items.emplace(above, owned(dir_item(above.str(), 0700 | (bits() & 077)), upper));
    }
    items.emplace(path, item(items, path, upper));
  }

  Item item(const Items& items, const TreePath& path, bool upper) {
    const std::string& text = path.str();
    switch (pick(upper ? 9 : 4)) {
      case 0:
      case 1:
        return owned(file_item(text, std::string(static_cast<std::size_t>(pick(2000)), 'x'),
                               kAlwaysReadable | (bits() & 07777)),
                     upper);
      case 2:
        return owned(dir_item(text, 0700 | (bits() & 07077), upper && pick(2) == 0), upper);
      case 3:
        return mine(link_item(text, "../some/target"));
      case 4:
        return whiteout_item(text);
      case 5:
        return owned(device_item(text, pick(2) ? EntryType::char_device : EntryType::block_device,
                                 1 + bits() % 200, bits() % 200),
                     upper);
      case 6:
        return mine(fifo_item(text));
      case 7:
        return hard_link(items, path, upper);
      default: {
        Item made = owned(file_item(text, "ELF", 0755), upper);
        made.entry.xattrs["security.capability"] =
            std::string("\x01\x00\x00\x02\x00\x20\x00\x00", 8) + std::string(12, '\0');
        return made;
      }
    }
  }

  // To the first file that sorts before path, else a file.
  Item hard_link(const Items& items, const TreePath& path, bool upper) {
    for (const auto& [first, item] : items) {
      if (path < first) break;
      if (item.entry.type != EntryType::file || item.entry.xattrs.size() > 0) continue;
      Item link = item;
      link.content.clear();
      link.entry.path = path;
      link.entry.type = EntryType::hard_link;
      link.entry.size_bytes = 0;
      link.entry.link_target = first.str();
      return link;
    }
    return owned(file_item(path.str(), "lonely"), upper);
  }

  Item owned(Item item, bool upper) {
    if (!upper || pick(2) == 0) return mine(std::move(item));
    item.entry.uid = 1000 + static_cast<std::uint32_t>(pick(3));
    item.entry.gid = 70000 + static_cast<std::uint32_t>(pick(3));
    return item;
  }

  std::mt19937 random_;
};

std::vector<Item> listed(const Items& items) {
  std::vector<Item> list;
  for (const auto& [path, item] : items) list.push_back(item);
  return list;
}

// Every name a file of its own.
void part_links(Items& items) {
  for (auto& [path, item] : items) {
    if (item.entry.type != EntryType::hard_link) continue;
    item = items.at(TreePath::clean(item.entry.link_target));
    item.entry.path = path;
  }
}

// Trees to try: 300, or COOPER_PROPERTY_SEEDS.
std::uint32_t seeds() {
  const char* wanted = std::getenv("COOPER_PROPERTY_SEEDS");
  return wanted == nullptr ? 300 : static_cast<std::uint32_t>(std::stoul(wanted));
}

// Both ways of marking what is hidden.
class DiffProperty : public ::testing::TestWithParam<Hiding> {};
INSTANTIATE_TEST_SUITE_P(Marks, DiffProperty, ::testing::Values(Hiding::marked, Hiding::named),
                         [](const auto& parameter) {
                           return parameter.param == Hiding::named ? "named" : "marked";
                         });

TEST_P(DiffProperty, diff_of_apply_is_identity) {
  for (std::uint32_t seed = 1; seed <= seeds(); ++seed) {
    SCOPED_TRACE(cat("seed ", seed));
    Generator generator(seed);
    const Items base_items = generator.base();
    Items layer_items = generator.layer(base_items);
    if (GetParam() == Hiding::named) part_links(layer_items);
    const auto below = below_of(listed(base_items));
    tests::MemoryBlobs blobs;
    const WrittenLayer written = write_layer(blobs, listed(layer_items));

    const TempDir upper = TempDir::in_host_tmp("cooper-test-");
    const Applied applied =
        apply_verified(blobs.open_blob(written.descriptor.digest), upper.dir(), test_seal(), *below,
                       written.diff_id, {}, "layer", GetParam());
    LayerWriter writer(blobs, {Compression::none});
    write_diff(upper.dir(), *below, test_seal(), {.stubs = {}, .hiding = GetParam()}, writer);
    const WrittenLayer again = std::move(writer).finish();
    ASSERT_EQ(again.table.entries().size(), written.table.entries().size());
    for (std::size_t i = 0; i < again.table.entries().size(); ++i) {
      ASSERT_EQ(describe(again.table.entries()[i]), describe(written.table.entries()[i]));
    }
    ASSERT_EQ(again.diff_id, written.diff_id);
    const auto time_of = [](const Entry& entry) { return entry.mtime; };
    ASSERT_EQ(again.table.content_digest(time_of), written.table.content_digest(time_of));
    // The table that apply makes says the same, and so does one read without unpacking.
    const auto lower = below_of(listed(base_items));
    Table settled = read_table(blobs.open_blob(written.descriptor.digest), {}, "layer");
    ASSERT_EQ(settled.entries(), written.table.entries());
    ASSERT_EQ(applied.alone.entries(), written.table.entries());
    ASSERT_EQ(applied.over_below.entries().size(),
              written.table.entries().size() + 1);  // and the root
  }
}

}  // namespace
}  // namespace cooper::layers
