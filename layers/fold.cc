#include "layers/fold.h"

#include <algorithm>
#include <unordered_set>

#include "base/error.h"
#include "layers/tar_reader.h"

namespace cooper::layers {
namespace {

constexpr std::uint64_t kWorthwhilePart = 100;

bool same_substance(const Entry& a, const Entry& b) {
  if (a.type != b.type) return false;
  switch (a.type) {
    case EntryType::file:
      return a.content && a.content == b.content && a.size_bytes == b.size_bytes;
    case EntryType::symlink:
      return a.link_target == b.link_target;
    case EntryType::char_device:
    case EntryType::block_device:
      return a.device_major == b.device_major && a.device_minor == b.device_minor;
    case EntryType::directory:
    case EntryType::fifo:
      return true;
    case EntryType::hard_link:
    case EntryType::whiteout:
      return false;
  }
  return false;
}

// One layer while things move out of it and into it.
class Rows {
 public:
  explicit Rows(const FoldLayer& layer) : layer_(layer) {
    for (const Entry& row : entries()) {
      if (row.type == EntryType::file) bytes_ += row.size_bytes;
      if (row.type != EntryType::hard_link) continue;
      linked_.insert(row.path);
      linked_.insert(TreePath::clean(row.link_target));
    }
  }

  bool may_change() const { return layer_.may_change; }
  std::uint64_t bytes() const { return bytes_ - moved_bytes_; }
  std::uint64_t moved_bytes() const { return moved_bytes_; }
  const std::vector<Entry>& entries() const { return changed_ ? own_ : layer_.table->entries(); }
  bool is_linked(const Entry& row) const { return linked_.contains(row.path); }
  bool is_gone(std::size_t row) const { return changed_ && gone_[row]; }

  // A row that is still there.
  std::optional<std::size_t> find(const TreePath& path) const {
    const auto& all = entries();
    const auto row = std::lower_bound(all.begin(), all.end(), path,
                                      [](const Entry& entry, const TreePath& wanted) { return entry.path < wanted; });
    if (row == all.end() || row->path != path) return std::nullopt;
    const auto index = static_cast<std::size_t>(row - all.begin());
    return is_gone(index) ? std::nullopt : std::optional(index);
  }

  // Whether what lower layers have in this directory is not seen through this one.
  bool hides(const TreePath& directory) {
    if (asked_ && *asked_ == directory) return answer_;
    bool hidden = false;
    for (TreePath at = directory;; at = at.parent()) {
      if (const auto row = find(at)) hidden = entries()[*row].type != EntryType::directory || entries()[*row].opaque;
      if (at.is_root() || hidden) break;
    }
    asked_ = directory;
    answer_ = hidden;
    return hidden;
  }

  void take_metadata(std::size_t row, const Entry& from) {
    change();
    Entry& entry = own_[row];
    entry.mode = from.mode;
    entry.uid = from.uid;
    entry.gid = from.gid;
    entry.mtime = from.mtime;
    entry.xattrs = from.xattrs;
  }
  void drop(std::size_t row) {
    change();
    if (own_[row].type == EntryType::file) moved_bytes_ += own_[row].size_bytes;
    gone_[row] = true;
    asked_.reset();
  }

  FoldedLayer result() && {
    if (!changed_) return {};
    std::vector<Entry> left;
    for (std::size_t row = 0; row < own_.size(); ++row) {
      if (!gone_[row]) left.push_back(std::move(own_[row]));
    }
    return {Table(std::move(left)), moved_bytes_};
  }

 private:
  void change() {
    if (changed_) return;
    own_ = layer_.table->entries();
    gone_.resize(own_.size());
    changed_ = true;
  }

  const FoldLayer& layer_;
  std::uint64_t bytes_ = 0;
  std::uint64_t moved_bytes_ = 0;
  std::unordered_set<TreePath> linked_;  // names of files with several
  bool changed_ = false;
  std::vector<Entry> own_;
  std::vector<bool> gone_;
  std::optional<TreePath> asked_;
  bool answer_ = false;
};

struct Move {
  std::size_t row;       // of the upper layer
  std::size_t receiver;  // a lower layer
  std::size_t into;      // its row
};

class Folder {
 public:
  explicit Folder(const std::vector<FoldLayer>& layers) {
    rows_.reserve(layers.size());
    for (const FoldLayer& layer : layers) rows_.emplace_back(layer);
  }

  // From below: what a layer received may be overtaken by one above it.
  std::vector<FoldedLayer> run() && {
    for (std::size_t upper = 1; upper < rows_.size(); ++upper) {
      if (rows_[upper].may_change()) fold(upper);
    }
    std::vector<FoldedLayer> folded;
    for (Rows& rows : rows_) folded.push_back(std::move(rows).result());
    return folded;
  }

 private:
  void fold(std::size_t upper) {
    std::vector<std::uint64_t> moved_bytes(upper);
    for (const Move& move : moves(upper, nullptr)) {
      const Entry& entry = rows_[upper].entries()[move.row];
      if (entry.type == EntryType::file) moved_bytes[move.receiver] += entry.size_bytes;
    }
    std::vector<bool> worthwhile(upper);
    for (std::size_t i = 0; i < upper; ++i) {
      worthwhile[i] = moved_bytes[i] > 0 && moved_bytes[i] >= rows_[i].bytes() / kWorthwhilePart;
    }
    for (const Move& move : moves(upper, &worthwhile)) {
      rows_[move.receiver].take_metadata(move.into, rows_[upper].entries()[move.row]);
      rows_[upper].drop(move.row);
    }
  }

  // Backwards, so that a directory comes after what is beneath it.
  std::vector<Move> moves(std::size_t upper, const std::vector<bool>* receivers) {
    std::vector<Move> found;
    const auto& entries = rows_[upper].entries();
    const TreePath* kept = nullptr;  // the first row behind this one that stays
    for (std::size_t row = entries.size(); row-- > 0;) {
      const Entry& entry = entries[row];
      std::optional<Move> move;
      const bool leads_on = entry.type == EntryType::directory && kept != nullptr && entry.path.contains(*kept);
      if (!leads_on && !entry.opaque && !rows_[upper].is_linked(entry) && !is_hidden_by_own(upper, entry)) {
        move = receiver_of(upper, row);
      }
      if (move && (receivers == nullptr || (*receivers)[move->receiver])) {
        found.push_back(*move);
      } else {
        kept = &entry.path;
      }
    }
    return found;
  }

  // Beneath a directory that its layer made anew nothing of lower layers is seen.
  bool is_hidden_by_own(std::size_t upper, const Entry& entry) {
    return !entry.path.is_root() && rows_[upper].hides(entry.path.parent());
  }

  // The topmost layer below that says anything about the path decides.
  std::optional<Move> receiver_of(std::size_t upper, std::size_t row) {
    const Entry& entry = rows_[upper].entries()[row];
    for (std::size_t below = upper; below-- > 0;) {
      Rows& rows = rows_[below];
      if (const auto into = rows.find(entry.path)) {
        const Entry& found = rows.entries()[*into];
        if (!rows.may_change() || rows.is_linked(found) || !same_substance(entry, found)) return std::nullopt;
        return Move{row, below, *into};
      }
      if (!entry.path.is_root() && rows.hides(entry.path.parent())) return std::nullopt;
    }
    return std::nullopt;
  }

  std::vector<Rows> rows_;
};

}  // namespace

std::vector<FoldedLayer> fold_metadata(const std::vector<FoldLayer>& bottom_first) {
  return Folder(bottom_first).run();
}

void rewrite_layer(std::unique_ptr<ByteSource> tar, const Table& rows, const std::string& name, LayerWriter& writer) {
  TarReader reader(std::move(tar), TarLimits{}, name, TarKind::layer);
  for (const Entry& row : rows.entries()) {
    if (row.type != EntryType::file) {
      writer.add(row);
      continue;
    }
    auto member = reader.next();
    while (member && member->entry.path != row.path) member = reader.next();
    if (!member || member->entry.type != EntryType::file) {
      throw Error(Errc::corrupt, cat(name, ": no file ", row.path.absolute()));
    }
    writer.add(row, &reader.content());
  }
}

}  // namespace cooper::layers
