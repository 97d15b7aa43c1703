#include "tests/layers/copy_support.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "layers/tar_reader.h"

namespace cooper::layers {
namespace {

class ItemTree : public Tree {
 public:
  explicit ItemTree(std::vector<Item> items) {
    std::vector<Entry> entries;
    for (Item& item : items) {
      if (item.entry.type == EntryType::file) {
        item.entry.content = oci::ContentDigest{oci::sha256(std::string_view(item.content))};
        contents_[item.entry.path.str()] = std::move(item.content);
      }
      entries.push_back(std::move(item.entry));
    }
    std::vector<LayerView> layers;
    layers.push_back({share(Table(std::move(entries))), std::nullopt});
    metadata_ = merge_layers(std::move(layers));
  }
  std::optional<Entry> find(const TreePath& path) const override { return metadata_->find(path); }
  std::vector<Entry> children(const TreePath& directory) const override {
    return metadata_->children(directory);
  }
  std::unique_ptr<ByteSource> open(const Entry& file) const override {
    return source_of(contents_.at(leader(file)));
  }
  FileContent content_of(const Entry& file) const override {
    return {{oci::sha256(std::string_view(contents_.at(leader(file))))}, {}};
  }

 private:
  std::string leader(const Entry& file) const {
    const std::string target = metadata_->find(file.path).value().link_target;
    return target.empty() ? file.path.str() : target;
  }

  std::unique_ptr<Tree> metadata_;
  std::map<std::string, std::string> contents_;
};

class PatternFilter : public PathFilter {
 public:
  explicit PatternFilter(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {}

  bool excluded(const TreePath& path, bool) const override {
    bool result = false;
    for (const std::string& pattern : patterns_) {
      const bool exception = pattern.starts_with('!');
      const std::string positive = exception ? pattern.substr(1) : pattern;
      for (TreePath part = path; !part.is_root(); part = part.parent()) {
        if (glob(positive, part.str(), true)) result = !exception;
      }
    }
    return result;
  }
  bool prunable(const TreePath&) const override {
    for (const std::string& pattern : patterns_) {
      if (pattern.starts_with('!')) return false;
    }
    return true;
  }

 private:
  std::vector<std::string> patterns_;
};

}  // namespace

Context& Context::file(const std::string& path, const std::string& content, mode_t mode) {
  parents(path);
  std::ofstream(host_path(path), std::ios::binary) << content;
  EXPECT_EQ(::chmod(host_path(path).c_str(), mode), 0);
  return settle(path);
}

Context& Context::dir(const std::string& path, mode_t mode) {
  parents(path);
  ::mkdir(host_path(path).c_str(), 0755);
  EXPECT_EQ(::chmod(host_path(path).c_str(), mode), 0);
  return settle(path);
}

Context& Context::link(const std::string& path, const std::string& target) {
  parents(path);
  EXPECT_EQ(::symlink(target.c_str(), host_path(path).c_str()), 0);
  return settle(path);
}

Context& Context::hard(const std::string& path, const std::string& first) {
  parents(path);
  EXPECT_EQ(::link(host_path(first).c_str(), host_path(path).c_str()), 0);
  return settle(path);
}

Context& Context::fifo(const std::string& path) {
  parents(path);
  EXPECT_EQ(::mkfifo(host_path(path).c_str(), 0600), 0);
  return settle(path);
}

Context& Context::socket(const std::string& path) {
  parents(path);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  host_path(path).copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return *this;
}

// The directories it stands in have changed too.
Context& Context::settle(const std::string& path) {
  for (TreePath changed = at(path); !changed.is_root(); changed = changed.parent())
    touch(changed.str());
  return *this;
}

Context& Context::touch(const std::string& path, Timestamp time) {
  const timespec stamp{time.seconds, static_cast<long>(time.nanoseconds)};
  const timespec both[] = {stamp, stamp};
  EXPECT_EQ(::utimensat(AT_FDCWD, host_path(path).c_str(), both, AT_SYMLINK_NOFOLLOW), 0);
  return *this;
}

const std::string kCapabilityValue("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);

bool Context::give_capability(const std::string& path) const {
  return ::setxattr(host_path(path).c_str(), "security.capability", kCapabilityValue.data(),
                    kCapabilityValue.size(), 0) == 0;
}

void Context::parents(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (!parent.empty() && !std::filesystem::exists(host_path(parent))) dir(parent);
}

std::shared_ptr<const Tree> Context::tree(HostTreeOptions options) const {
  return open_host_tree(root().duplicate(), std::move(options));
}

std::shared_ptr<const Tree> item_tree(std::vector<Item> items) {
  return std::make_shared<ItemTree>(std::move(items));
}

std::shared_ptr<const PathFilter> filter(std::vector<std::string> patterns) {
  return std::make_shared<PatternFilter>(std::move(patterns));
}

bool glob(const std::string& pattern, const std::string& path, bool deep) {
  const std::size_t stars = deep ? pattern.find("**/") : std::string::npos;
  if (stars == std::string::npos) {
    const bool any = deep && pattern == "**";
    return any || ::fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME) == 0;
  }
  const std::string front = pattern.substr(0, stars);
  const std::string back = pattern.substr(stars + 3);
  for (std::size_t cut = 0; cut <= path.size(); ++cut) {
    const bool boundary = cut == 0 || path[cut - 1] == '/';
    const bool front_fits = front.empty() || (cut > 0 && path.substr(0, front.size()) == front);
    if (boundary && front_fits && cut >= front.size() && glob(back, path.substr(cut), true))
      return true;
  }
  return false;
}

CopyRequest request(const std::vector<std::string>& patterns) {
  CopyRequest made;
  for (const std::string& pattern : patterns) made.sources.push_back({pattern, false});
  made.glob = glob;
  made.has_wildcard = [](const std::string& text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\\') {
        ++i;
      } else if (text[i] == '*' || text[i] == '?' || text[i] == '[') {
        return true;
      }
    }
    return false;
  };
  return made;
}

std::string describe(const Selection& selection) {
  std::string text;
  for (const SelectedSource& source : selection.sources) {
    text += source.base_name;
    if (source.is_archive) text += " (archive)";
    if (source.is_directory) text += "/:";
    auto implied = source.beneath.implied.begin();
    for (std::size_t i = 0; i < source.beneath.entries.size(); ++i) {
      const Entry& entry = source.beneath.entries[i];
      const bool is_implied = implied != source.beneath.implied.end() && *implied == i;
      if (is_implied) ++implied;
      text += (is_implied ? " (" : " ") + entry.path.str();
      if (entry.type == EntryType::directory) text += "/";
      if (!entry.link_target.empty()) text += "->" + entry.link_target;
      if (is_implied) text += ")";
    }
    text += "\n";
  }
  return text;
}

Layer read_layer(tests::MemoryBlobs& blobs, const WrittenLayer& layer) {
  Layer read;
  TarReader reader(blobs.open_blob(layer.descriptor.digest), TarLimits{}, "layer", TarKind::layer);
  while (auto member = reader.next()) {
    Item& item = read[member->entry.path.absolute()];
    if (member->marker) {
      item.entry.opaque = true;
      continue;
    }
    const bool opaque = item.entry.opaque;
    item.entry = member->entry;
    item.entry.opaque = opaque;
    if (member->entry.type == EntryType::file)
      item.content = read_all(reader.content(), 1 << 24, "a member");
  }
  return read;
}

std::string names(const Layer& layer) {
  std::string text;
  for (const auto& [path, item] : layer) text += (text.empty() ? "" : " ") + path;
  return text;
}

std::string line(const Item& item) {
  const Entry& entry = item.entry;
  std::ostringstream out;
  out << entry.path.absolute() << " " << to_string(entry.type) << " " << std::oct << entry.mode
      << std::dec << " " << entry.uid << ":" << entry.gid << " ";
  if (entry.mtime.seconds == kNow) {
    out << "now";
  } else if (entry.mtime.seconds == kContextTime) {
    out << "source";
  } else if (entry.mtime.seconds == kBelowTime) {
    out << "below";
  } else {
    out << entry.mtime.seconds;
  }
  if (!entry.link_target.empty()) out << " -> " << entry.link_target;
  if (entry.type == EntryType::file) out << " '" << item.content << "'";
  if (entry.opaque) out << " opaque";
  return out.str();
}

std::string lines(const Layer& layer) {
  std::string text;
  for (const auto& [path, item] : layer) text += line(item) + "\n";
  return text;
}

Copy::Copy(std::shared_ptr<const Tree> from, const std::vector<std::string>& patterns,
           std::string destination)
    : source(std::move(from)), request(layers::request(patterns)) {
  options.destination = std::move(destination);
  options.now = {kNow, 0};
}

Layer Copy::run() const {
  tests::MemoryBlobs blobs;
  LayerWriter writer(blobs, {Compression::none});
  const Selection selection = select(source, request);
  write_copy(selection, options, *item_tree(below), writer);
  return read_layer(blobs, std::move(writer).finish());
}

}  // namespace cooper::layers
