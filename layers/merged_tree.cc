// Layers merged into one index: a sorted list of (row, layer), made once, on the first look. Upper
// rows replace lower ones; whiteouts, non-directories and opaque directories cut out what lies
// beneath them.

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <unordered_map>

#include "base/error.h"
#include "base/once.h"
#include "layers/apply_rows.h"
#include "layers/tree.h"

namespace cooper::layers {
namespace {

struct Ref {
  const Entry* row;  // as in the layer's table
  std::uint32_t layer;
};
using Refs = std::vector<Ref>;

Refs::const_iterator lower_bound(Refs::const_iterator from, Refs::const_iterator to,
                                 const TreePath& path) {
  return std::lower_bound(from, to, path,
                          [](const Ref& ref, const TreePath& at) { return ref.row->path < at; });
}

// The end of what lies at or beneath path; `from` is its first ref.
Refs::const_iterator subtree_end(Refs::const_iterator from, Refs::const_iterator to,
                                 const TreePath& path) {
  // Mostly a step or two: look near before far.
  std::ptrdiff_t stride = 1;
  auto low = from;
  while (to - low > stride && path.contains((low + stride)->row->path)) {
    low += stride;
    stride *= 2;
  }
  const auto high = to - low > stride ? low + stride : to;
  return std::partition_point(low, high,
                              [&](const Ref& ref) { return path.contains(ref.row->path); });
}

// A settled table laid over what is below it.
Refs overlay(const Refs& below, const Table& table, std::uint32_t layer) {
  Refs merged;
  merged.reserve(below.size() + table.entries().size());
  Refs::const_iterator at = below.begin();
  for (const Entry& row : table.entries()) {
    const auto place = lower_bound(at, below.end(), row.path);
    merged.insert(merged.end(), at, place);
    at = place;
    const bool hides = row.type != EntryType::directory || row.opaque;
    if (hides) {
      at = subtree_end(at, below.end(), row.path);
    } else if (at != below.end() && at->row->path == row.path) {
      ++at;
    }
    if (row.type != EntryType::whiteout) merged.push_back({&row, layer});
  }
  merged.insert(merged.end(), at, below.end());
  return merged;
}

class EmptySource : public ByteSource {
 public:
  std::size_t read(std::span<std::byte>) override { return 0; }
};

Entry default_root() {
  Entry root;
  root.type = EntryType::directory;
  root.mode = 0755;
  return root;
}

class Index {
 public:
  explicit Index(const std::vector<LayerView>& layers);

  const Ref* find(const TreePath& path) const {
    const auto ref = lower_bound(refs_.begin(), refs_.end(), path);
    return ref != refs_.end() && ref->row->path == path ? &*ref : nullptr;
  }
  std::vector<const Ref*> children(const TreePath& directory) const;
  // What Tree promises of an entry.
  Entry entry(const Ref& ref) const;
  // The row that has the metadata and content of ref: itself, or its first name in the same layer.
  const Entry& leader(const Ref& ref) const;

 private:
  void add(const LayerView& layer, std::uint32_t number);
  void find_heirs();

  std::vector<TablePtr> tables_;  // settled, so perhaps not the ones given
  Refs refs_;
  // First names that an upper layer replaced, and the first name that is left.
  std::unordered_map<const Entry*, const Entry*> heirs_;
};

// A few names looked up layer by layer, before an index of all rows would pay: a RUN over a large
// base asks for what it changed.
class QuickLook {
 public:
  struct Answer {
    std::optional<Entry> row;  // as Tree::find
    std::size_t layer = 0;
  };

  explicit QuickLook(const std::vector<LayerView>& layers) : layers_(layers) {
    std::size_t rows = 0;
    for (const LayerView& layer : layers) {
      rows += layer.table->rows();
      settled_ = settled_ && layer.table->settled();
    }
    left_ = static_cast<std::ptrdiff_t>(kLeastLooks + rows / kRowsPerLook);
  }

  // nullopt: the index has to answer.
  std::optional<Answer> find(const TreePath& path) const {
    if (!settled_ || left_.fetch_sub(1) <= 0) return std::nullopt;
    for (std::size_t i = layers_.size(); i-- > 0;) {
      const Table& table = *layers_[i].table;
      if (auto row = table.look_up(path)) {
        if (row->type == EntryType::hard_link)
          return std::nullopt;  // its first name may be elsewhere
        if (row->type == EntryType::whiteout) return Answer{};
        row->opaque = false;
        return Answer{std::move(row), i};
      }
      if (hides_beneath(table, path)) return Answer{};
    }
    return Answer{};
  }

 private:
  // What a look costs in rows read, about.
  static constexpr std::size_t kRowsPerLook = 256;
  static constexpr std::size_t kLeastLooks = 16;

  // Whether a row above `path`, which has none, cuts it off from lower layers.
  static bool hides_beneath(const Table& table, const TreePath& path) {
    for (TreePath at = path; !at.is_root();) {
      at = at.parent();
      const auto row = table.look_up(at);
      if (row && (row->type != EntryType::directory || row->opaque)) return true;
    }
    return false;
  }

  const std::vector<LayerView>& layers_;
  bool settled_ = true;
  mutable std::atomic<std::ptrdiff_t> left_{0};
};

class IndexedTree : public Tree {
 public:
  explicit IndexedTree(std::vector<LayerView> layers)
      : layers_(std::move(layers)), quick_(layers_) {}

  std::optional<Entry> find(const TreePath& path) const override {
    if (const auto quick = quick_.find(path)) {
      if (!quick->row && path.is_root()) return default_root();
      return quick->row;
    }
    const Ref* ref = index().find(path);
    if (ref != nullptr) return index().entry(*ref);
    if (path.is_root()) return default_root();
    return std::nullopt;
  }

  std::vector<Entry> children(const TreePath& directory) const override {
    std::vector<Entry> entries;
    for (const Ref* ref : index().children(directory)) entries.push_back(index().entry(*ref));
    return entries;
  }

  std::unique_ptr<ByteSource> open(const Entry& file) const override {
    if (const auto quick = quick_.find(file.path); quick && quick->row) {
      if (quick->row->type == EntryType::file)
        return open_row(*quick->row, file.path, quick->layer);
    }
    const Ref& ref = file_at(file.path);
    return open_row(index().leader(ref), file.path, ref.layer);
  }

  FileContent content_of(const Entry& file) const override {
    const Entry& row = index().leader(file_at(file.path));
    if (row.content) return {*row.content, {}};
    NullSink nowhere;
    oci::DigestSink digest(nowhere);
    copy_all(*open(file), digest);
    return {{digest.digest()}, {}};
  }

 private:
  // row: that has the size; path: the name it is opened by.
  std::unique_ptr<ByteSource> open_row(const Entry& row, const TreePath& path,
                                       std::size_t layer) const {
    if (row.size_bytes == 0) return std::make_unique<EmptySource>();
    const auto& directory = layers_[layer].directory;
    if (!directory && layers_[layer].open) return layers_[layer].open(row);
    if (!directory) {
      throw Error(Errc::not_found, cat(path.absolute(), ": its layer is not unpacked"));
    }
    return std::make_unique<FdSource>(directory->open_file(path, O_RDONLY),
                                      directory->label() + path.absolute());
  }

  const Index& index() const {
    once_.run([this] { index_.emplace(layers_); });
    return *index_;
  }

  const Ref& file_at(const TreePath& path) const {
    const Ref* ref = index().find(path);
    if (ref == nullptr || index().leader(*ref).type != EntryType::file) {
      throw Error(Errc::not_found, cat(path.absolute(), ": no such file"));
    }
    return *ref;
  }

  std::vector<LayerView> layers_;
  QuickLook quick_;
  mutable Once once_;
  mutable std::optional<Index> index_;
};

Index::Index(const std::vector<LayerView>& layers) {
  std::uint32_t number = 0;
  for (const LayerView& layer : layers) add(layer, number++);
  find_heirs();
}

void Index::add(const LayerView& layer, std::uint32_t number) {
  TablePtr table = layer.table;
  if (!table->settled()) {
    std::vector<LayerView> below;
    for (const TablePtr& lower : tables_) below.push_back({lower, std::nullopt});
    const IndexedTree tree(std::move(below));
    table = std::make_shared<const Table>(settle(*table, tree, cat("layer ", number + 1)));
  }
  refs_ = overlay(refs_, *table, number);
  tables_.push_back(std::move(table));
}

const Entry& Index::leader(const Ref& ref) const {
  if (ref.row->type != EntryType::hard_link) return *ref.row;
  const Entry* first = tables_[ref.layer]->find(TreePath::clean(ref.row->link_target));
  if (first == nullptr || first->type == EntryType::hard_link ||
      first->type == EntryType::directory || first->type == EntryType::whiteout) {
    throw Error(Errc::corrupt,
                cat(ref.row->path.absolute(), ": hard link to nothing in a metadata table"));
  }
  return *first;
}

void Index::find_heirs() {
  for (const Ref& ref : refs_) {
    if (ref.row->type != EntryType::hard_link) continue;
    const Entry& first = leader(ref);
    const Ref* shown = find(first.path);
    if (shown == nullptr || shown->row != &first) heirs_.emplace(&first, ref.row);
  }
}

Entry Index::entry(const Ref& ref) const {
  const Entry& first = leader(ref);
  Entry entry = first;
  entry.path = ref.row->path;
  entry.opaque = false;
  if (first.type != EntryType::file) return entry;
  const auto heir = heirs_.find(&first);
  const Entry* shown = heir == heirs_.end() ? &first : heir->second;
  if (shown != ref.row) entry.link_target = shown->path.str();
  return entry;
}

std::vector<const Ref*> Index::children(const TreePath& directory) const {
  std::vector<const Ref*> found;
  auto at = lower_bound(refs_.begin(), refs_.end(), directory);
  if (at == refs_.end()) return found;
  const auto end = subtree_end(at, refs_.end(), directory);
  if (at != end && at->row->path == directory) {
    if (at->row->type != EntryType::directory) return found;
    ++at;
  } else if (!directory.is_root()) {
    return found;
  }
  while (at != end) {
    found.push_back(&*at);
    at = subtree_end(at, end, at->row->path);
  }
  return found;
}

}  // namespace

std::unique_ptr<Tree> merge_layers(std::vector<LayerView> bottom_first) {
  return std::make_unique<IndexedTree>(std::move(bottom_first));
}

}  // namespace cooper::layers
