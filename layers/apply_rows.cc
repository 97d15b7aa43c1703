#include "layers/apply_rows.h"

#include <algorithm>

#include "base/error.h"

namespace cooper::layers {
namespace {

constexpr int kMaxHops = 40;
constexpr std::uint32_t kImpliedMode = 0755;
// In a table alone, the row of an opaque marker whose directory the layer does not list: a whiteout
// of this name in it, which no tar can hold. settle() makes of it what the directory below is,
// opaque.
constexpr std::string_view kOpaqueAlone = ".wh..opq";

// Opens the file of a lower layer only when somebody reads it.
class LowerContent : public ByteSource {
 public:
  LowerContent(const Tree& tree, Entry entry) : tree_(tree), entry_(std::move(entry)) {}
  std::size_t read(std::span<std::byte> into) override {
    if (!source_) source_ = tree_.open(entry_);
    return source_->read(into);
  }

 private:
  const Tree& tree_;
  Entry entry_;
  std::unique_ptr<ByteSource> source_;
};

}  // namespace

ApplyRows::ApplyRows(const Tree* below, RowActions& actions, std::string name)
    : below_(below), actions_(actions), name_(std::move(name)) {}

void ApplyRows::refuse(std::string_view why) const {
  throw Error(Errc::invalid, cat(name_, ": member ", member_, ": ", why));
}

void ApplyRows::add(const TarMember& member, ByteSource& content) {
  member_ = member.entry.path.absolute();
  ++place_;
  Entry entry = member.entry;
  bool marker = member.marker;
  if (entry.type == EntryType::whiteout && entry.path.name() == kOpaqueAlone) {
    entry.path = entry.path.parent();
    entry.type = EntryType::directory;
    entry.opaque = marker = true;
  }
  entry.path = settle(entry.path, true);
  if (entry.path.is_root() && entry.type != EntryType::directory) refuse("the root is a directory");
  switch (entry.type) {
    case EntryType::whiteout:
      return add_whiteout(entry.path);
    case EntryType::directory:
      return add_directory(std::move(entry), marker);
    case EntryType::hard_link:
      return add_hard_link(std::move(entry));
    case EntryType::file:
    case EntryType::symlink:
    case EntryType::char_device:
    case EntryType::block_device:
    case EntryType::fifo:
      return add_other(std::move(entry), content);
  }
}

// -- where a member lands -------------------------------------------------------------------------

TreePath ApplyRows::settle(const TreePath& path, bool create) {
  if (path.is_root()) return path;
  TreePath parent = path.parent();
  if (last_parent_ && last_parent_->first == parent) return last_parent_->second.child(path.name());
  const TreePath settled = settle_parent(parent, create);
  if (create) last_parent_.emplace(std::move(parent), settled);
  return settled.child(path.name());
}

TreePath ApplyRows::settle_parent(const TreePath& parent, bool create) {
  TreePath whole = parent;
  for (int hops = 0; hops <= kMaxHops; ++hops) {
    TreePath at;
    bool arrived = true;
    for (const std::string_view part : whole.components()) {
      const TreePath next = at.child(part);
      if (const auto moved = enter(next, create)) {
        // A symlink below: start again from where it leads, which may lie beneath this layer's own
        // rows.
        whole = *moved / next.relative(whole);
        arrived = false;
        break;
      }
      at = next;
    }
    if (arrived) return at;
  }
  refuse("too many levels of symbolic links");
}

// Makes sure that next is a directory to go through. A path: go there instead.
std::optional<TreePath> ApplyRows::enter(const TreePath& next, bool create) {
  const auto row = rows_.find(next);
  if (row != rows_.end()) {
    const EntryType type = row->second.entry.type;
    if (type == EntryType::directory) return std::nullopt;
    if (type == EntryType::symlink) {
      refuse(cat("its parent ", next.absolute(), " is a symlink of the same layer"));
    }
    if (type != EntryType::whiteout) {
      refuse(cat("its parent ", next.absolute(), " is a ", to_string(type)));
    }
    if (below_ == nullptr) out_of_order_ = true;
    if (!create || below_ == nullptr) return std::nullopt;
    Entry made = implied(next);
    made.opaque = true;
    clear(next);
    insert_directory(std::move(made));
    return std::nullopt;
  }
  if (below_ == nullptr) {
    out_of_order_ = true;
    return std::nullopt;
  }
  const auto lower = hidden_below(next) ? std::nullopt : below_->find(next);
  if (lower && lower->type == EntryType::symlink) return resolve_for_creation(*below_, next);
  if (create) insert_directory(implied(next));
  return std::nullopt;
}

// Whether a row of this layer keeps what lies below at path from being seen.
bool ApplyRows::hidden_below(const TreePath& path) const {
  for (TreePath at = path;;) {
    const auto row = rows_.find(at);
    if (row != rows_.end()) {
      const Entry& entry = row->second.entry;
      if (entry.type != EntryType::directory) return true;
      if (entry.opaque && at != path) return true;
    }
    if (at.is_root()) return false;
    at = at.parent();
  }
}

// A directory the layer does not list: as it is below, else root's with mode 0755 and time 0.
Entry ApplyRows::implied(const TreePath& path) const {
  Entry entry;
  if (below_ != nullptr && !hidden_below(path)) {
    if (auto lower = below_->find(path); lower && lower->type == EntryType::directory)
      return *lower;
  }
  entry.path = path;
  entry.type = EntryType::directory;
  entry.mode = kImpliedMode;
  return entry;
}

// -- the kinds of members -------------------------------------------------------------------------

void ApplyRows::insert_directory(Entry entry) {
  const TreePath path = entry.path;
  actions_.make_directory(path);
  rows_.insert_or_assign(path, Row{std::move(entry), kNoGroup, place_});
}

void ApplyRows::add_whiteout(const TreePath& path) {
  const auto row = rows_.find(path);
  if (row != rows_.end()) {
    // A whiteout speaks of lower layers only (image-spec layer.md, "Whiteouts"): what this layer
    // itself puts here stays, but shows nothing from below.
    if (row->second.entry.type == EntryType::directory) row->second.entry.opaque = true;
    return;
  }
  put_whiteout(path);
}

void ApplyRows::put_whiteout(const TreePath& path) {
  Entry entry;
  entry.path = path;
  entry.type = EntryType::whiteout;
  rows_.insert_or_assign(path, Row{std::move(entry), kNoGroup, place_});
  last_parent_.reset();
}

void ApplyRows::add_directory(Entry entry, bool marker) {
  const auto row = rows_.find(entry.path);
  if (row != rows_.end() && row->second.entry.type == EntryType::directory) {
    Entry& old = row->second.entry;
    const bool opaque = old.opaque || entry.opaque;
    if (!marker) old = std::move(entry);
    old.opaque = opaque;
    return;
  }
  if (marker) {
    const bool taken = row != rows_.end() && row->second.entry.type != EntryType::whiteout;
    if (taken) refuse("an opaque marker in what is no directory");
    if (below_ == nullptr && row == rows_.end())
      return put_whiteout(entry.path.child(kOpaqueAlone));
    entry = implied(entry.path);
    entry.opaque = true;
  }
  if (row != rows_.end() && row->second.entry.type == EntryType::whiteout) {
    // It was a directory from then on: alone it may hold rows already.
    entry.opaque = true;
    actions_.make_directory(entry.path);
    row->second.entry = std::move(entry);
    return;
  }
  if (row != rows_.end()) clear(entry.path);
  const auto told = below_ == nullptr ? rows_.find(entry.path.child(kOpaqueAlone)) : rows_.end();
  if (told == rows_.end()) return insert_directory(std::move(entry));
  entry.opaque = true;
  const std::uint32_t place = told->second.place;  // it was one from then on
  const TreePath path = entry.path;
  rows_.erase(told);
  insert_directory(std::move(entry));
  rows_.at(path).place = place;
}

void ApplyRows::add_hard_link(Entry entry) {
  entry.xattrs.clear();  // the first name has them
  entry.size_bytes = 0;
  const TreePath target = settle(TreePath::clean(entry.link_target), false);
  if (target == entry.path) refuse("it is a hard link to itself");
  if (entry.path.contains(target)) refuse("it replaces the directory of its own hard-link target");
  const auto row = rows_.find(target);
  if (row != rows_.end()) return link_to_row(std::move(entry), row);
  if (below_ != nullptr) return copy_from_below(entry, target);
  out_of_order_ = true;
  clear(entry.path);
  entry.link_target = target.str();
  const TreePath path = entry.path;
  rows_.emplace(path, Row{std::move(entry), kNoGroup, place_});
}

void ApplyRows::link_to_row(Entry entry, Rows::iterator target) {
  const EntryType type = target->second.entry.type;
  if (type == EntryType::directory || type == EntryType::whiteout) {
    refuse(cat("its hard-link target ", target->first.absolute(), " is a ", to_string(type)));
  }
  if (target->second.group == kNoGroup) {
    // Alone it may be a name of a file in a layer below: what that gives is the first name here.
    target->second.group = groups_.size();
    groups_.push_back({target->first, {}});
  }
  const std::size_t group = target->second.group;
  if (groups_[group].first == entry.path) return;  // already a name of the same file
  clear(entry.path);
  const TreePath path = entry.path;
  actions_.make_link(rows_.at(groups_[group].first).entry, path);
  groups_[group].others.push_back(path);
  rows_.emplace(path, Row{std::move(entry), group, place_});
}

void ApplyRows::copy_from_below(const Entry& entry, const TreePath& target) {
  const auto lower = hidden_below(target) ? std::nullopt : below_->find(target);
  if (!lower || lower->type == EntryType::directory) {
    refuse(cat("its hard-link target ", target.absolute(), " does not exist"));
  }
  Entry copy = *lower;
  copy.path = entry.path;
  if (copy.type == EntryType::file) copy.link_target.clear();
  LowerContent content(*below_, *lower);
  add_other(std::move(copy), content);
}

void ApplyRows::add_other(Entry entry, ByteSource& content) {
  clear(entry.path);
  auto digest = actions_.make(entry, entry.type == EntryType::file ? &content : nullptr);
  if (digest) entry.content = digest;
  const TreePath path = entry.path;
  rows_.insert_or_assign(rows_.end(), path, Row{std::move(entry), kNoGroup, place_});
}

// -- replacing ------------------------------------------------------------------------------------

// Removes path and everything beneath it; names of removed files elsewhere live on.
void ApplyRows::clear(const TreePath& path) {
  const auto first = rows_.lower_bound(path);
  if (first == rows_.end() || !path.contains(first->first)) return;
  last_parent_.reset();
  const bool exists = first->first == path;
  std::vector<std::pair<std::size_t, Entry>> orphaned;
  auto last = first;
  for (; last != rows_.end() && path.contains(last->first); ++last) {
    const std::size_t group = last->second.group;
    if (group != kNoGroup && groups_[group].first == last->first) {
      orphaned.emplace_back(group, std::move(last->second.entry));
    }
  }
  rows_.erase(first, last);
  if (exists) actions_.remove(path);
  for (auto& [group, metadata] : orphaned) promote(group, std::move(metadata));
}

void ApplyRows::promote(std::size_t index, Entry metadata) {
  Group& group = groups_[index];
  while (!group.others.empty()) {
    const TreePath heir = std::move(group.others.front());
    group.others.pop_front();
    const auto row = rows_.find(heir);
    const bool alive = row != rows_.end() && row->second.group == index &&
                       row->second.entry.type == EntryType::hard_link;
    if (!alive) continue;
    metadata.path = heir;
    row->second.entry = std::move(metadata);
    group.first = heir;
    return;
  }
}

// -- the table ------------------------------------------------------------------------------------

// The root has a row, and is never opaque: overlayfs looks for that mark everywhere but there, so
// what lies below is removed by name.
void ApplyRows::finish_root() {
  const auto root = rows_.find(TreePath());
  if (root == rows_.end()) return insert_directory(implied(TreePath()));
  if (!std::exchange(root->second.entry.opaque, false)) return;
  for (const Entry& lower : below_->children(TreePath())) add_whiteout(lower.path);
}

// Only of what would show: overlayfs lists a mark like any other name in a directory that does not
// merge.
void ApplyRows::make_whiteouts() {
  for (auto row = rows_.begin(); row != rows_.end();) {
    const Entry& entry = row->second.entry;
    const bool needless = entry.type == EntryType::whiteout && !shows_below(entry.path);
    if (entry.type == EntryType::whiteout && !needless) actions_.make(entry, nullptr);
    row = needless ? rows_.erase(row) : std::next(row);
  }
}

// Whether something lies below at path that none of its parents hides.
bool ApplyRows::shows_below(const TreePath& path) const {
  for (TreePath at = path.parent(); !at.is_root(); at = at.parent()) {
    const auto row = rows_.find(at);
    if (row != rows_.end() && row->second.entry.opaque) return false;
  }
  return below_->find(path).has_value();
}

Table ApplyRows::finish() && {
  if (below_ != nullptr) {
    finish_root();
    make_whiteouts();
  }
  std::vector<Entry> entries;
  std::vector<std::uint32_t> order;
  entries.reserve(rows_.size());
  for (auto& [path, row] : rows_) {
    if (out_of_order_) order.push_back(row.place);
    const bool is_other_name = row.group != kNoGroup && groups_[row.group].first != path;
    if (row.entry.type == EntryType::hard_link && is_other_name) {
      row.entry.link_target = groups_[row.group].first.str();
    }
    entries.push_back(std::move(row.entry));
  }
  rows_.clear();
  if (!order.empty()) return Table::out_of_order(std::move(entries), std::move(order));
  return Table(std::move(entries));
}

}  // namespace cooper::layers
