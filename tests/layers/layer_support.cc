#include "tests/layers/layer_support.h"

#include <unistd.h>

#include <sstream>

namespace cooper::layers {
namespace {

constexpr std::int64_t kTime = 1'600'000'000;

Item item(std::string_view path, EntryType type, std::uint32_t mode) {
  Item made;
  made.entry.path = at(path);
  made.entry.type = type;
  made.entry.mode = mode;
  made.entry.mtime.seconds = kTime;
  return made;
}

void describe_beneath(const Tree& tree, const TreePath& path, std::ostringstream& out) {
  for (const Entry& entry : tree.children(path)) {
    out << describe(entry);
    if (entry.type == EntryType::file) out << " " << tree.content_of(entry).digest.hex().substr(0, 8);
    out << "\n";
    if (entry.type == EntryType::directory) describe_beneath(tree, entry.path, out);
  }
}

}  // namespace

std::unique_ptr<ByteSource> source_of(std::string text) {
  return std::make_unique<MemorySource>(std::move(text));
}

TreePath at(std::string_view path) {
  return TreePath::clean(path);
}

Item file_item(std::string_view path, std::string content, std::uint32_t mode) {
  Item made = item(path, EntryType::file, mode);
  made.entry.size_bytes = content.size();
  made.content = std::move(content);
  return made;
}

Item dir_item(std::string_view path, std::uint32_t mode, bool opaque) {
  Item made = item(path, EntryType::directory, mode);
  made.entry.opaque = opaque;
  return made;
}

Item link_item(std::string_view path, std::string target) {
  Item made = item(path, EntryType::symlink, 0777);
  made.entry.link_target = std::move(target);
  return made;
}

Item hard_item(std::string_view path, std::string first) {
  Item made = item(path, EntryType::hard_link, 0644);
  made.entry.link_target = std::move(first);
  return made;
}

Item device_item(std::string_view path, EntryType type, std::uint32_t major, std::uint32_t minor) {
  Item made = item(path, type, 0660);
  made.entry.device_major = major;
  made.entry.device_minor = minor;
  return made;
}

Item fifo_item(std::string_view path) {
  return item(path, EntryType::fifo, 0640);
}

Item whiteout_item(std::string_view path) {
  Item made;
  made.entry.path = at(path);
  made.entry.type = EntryType::whiteout;
  return made;
}

WrittenLayer write_layer(oci::BlobStore& blobs, std::vector<Item> items,
                         const CompressionSpec& spec) {
  LayerWriter writer(blobs, spec);
  for (Item& each : items) {
    MemorySource content(each.content);
    writer.add(each.entry, each.entry.type == EntryType::file ? &content : nullptr);
  }
  return std::move(writer).finish();
}

std::string tar_of(std::vector<Item> items) {
  tests::MemoryBlobs blobs;
  return blobs.content(write_layer(blobs, std::move(items)).descriptor.digest);
}

const StandInSeal& test_seal() {
  static const StandInSeal seal("a secret of the tests");
  return seal;
}

std::unique_ptr<Tree> empty_tree() {
  return merge_layers({});
}

Item mine(Item item) {
  item.entry.uid = ::geteuid();
  item.entry.gid = ::getegid();
  return item;
}

std::unique_ptr<Tree> below_of(std::vector<Item> items) {
  items.insert(items.begin(), dir_item(""));
  std::vector<Entry> entries;
  for (Item& item : items) entries.push_back(mine(std::move(item)).entry);
  return merge_layers({{share(Table(std::move(entries))), std::nullopt}});
}

TablePtr share(Table table) {
  return std::make_shared<const Table>(std::move(table));
}

std::string read_content(const Tree& tree, std::string_view path) {
  const auto entry = tree.find(at(path));
  if (!entry) throw Error(Errc::not_found, std::string(path));
  return read_all(*tree.open(*entry), 1 << 24, path);
}

std::string describe(const Entry& entry) {
  std::ostringstream out;
  out << entry.path.absolute() << " " << to_string(entry.type) << " " << std::oct << entry.mode
      << std::dec << " " << entry.uid << ":" << entry.gid << " @" << entry.mtime.seconds;
  if (entry.type == EntryType::file) out << " size=" << entry.size_bytes;
  if (!entry.link_target.empty()) out << " -> " << entry.link_target;
  if (entry.device_major != 0 || entry.device_minor != 0) {
    out << " dev=" << entry.device_major << ":" << entry.device_minor;
  }
  if (entry.opaque) out << " opaque";
  for (const auto& [key, value] : entry.xattrs) out << " " << key << "=" << value.size();
  return out.str();
}

std::string describe(const Tree& tree) {
  std::ostringstream out;
  out << describe(tree.find(TreePath()).value()) << "\n";
  describe_beneath(tree, TreePath(), out);
  return out.str();
}

void expect_error(Errc code, const std::vector<std::string>& words,
                  const std::function<void()>& body) {
  try {
    body();
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(to_string(error.code()), to_string(code)) << error.what();
    for (const std::string& word : words) {
      EXPECT_NE(std::string(error.what()).find(word), std::string::npos)
          << "\"" << word << "\" not in: " << error.what();
    }
  }
}

}  // namespace cooper::layers
