#include "layers/placement.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "layers/xattr.h"

namespace cooper::layers {

Placement::Placement(const Tree& below, const PlaceOptions& options)
    : below_(below), options_(options), hint_(staged_.end()), spool_(options.scratch) {}

TreePath Placement::resolve(const TreePath& path) const {
  return resolve_for_creation([this](const TreePath& at) { return find(at); }, path);
}

std::optional<Placed> Placement::staged_at(const TreePath& path) const {
  const auto found = staged_.find(path);
  if (found != staged_.end()) return found->second;
  if (!bulk_ || !bulk_->target.contains(path)) return std::nullopt;
  Entry* row = bulk_->origin->source->beneath.find(bulk_->target.relative(path));
  return row != nullptr ? std::optional(bulk_->placed(*row)) : std::nullopt;
}

bool Placement::hidden(const TreePath& path) const {
  for (TreePath at = path; !hidden_.empty() && !at.is_root(); at = at.parent()) {
    if (hidden_.contains(at)) return true;
  }
  return false;
}

std::optional<Entry> Placement::find(const TreePath& path) const {
  if (const auto placed = staged_at(path)) return effective(path, *placed);
  return find_below(path);
}

std::optional<Entry> Placement::find_below(const TreePath& path) const {
  if (hidden(path)) return std::nullopt;
  auto entry = below_.find(path);
  // That a layer below hides what is beneath it must not hide that layer in turn.
  if (entry) entry->opaque = false;
  return entry;
}

std::optional<EntryType> Placement::type_at(const TreePath& path) const {
  if (path.is_root()) return EntryType::directory;
  if (const auto placed = staged_at(path)) return placed->from->type;
  const auto entry = find_below(path);
  return entry ? std::optional(entry->type) : std::nullopt;
}

void Placement::make_dirs(const TreePath& path, const Owner& owner, std::uint32_t mode) {
  const auto type = type_at(path);
  if (type == EntryType::directory) return;
  if (type) {
    throw Error(Errc::invalid, cat("cannot copy to non-directory: ", path.absolute()));
  }
  make_dirs(path.parent(), owner, mode);
  Entry made;
  made.type = EntryType::directory;
  made.mode = mode;
  made.uid = owner.uid;
  made.gid = owner.gid;
  made.mtime = options_.now;
  put_as_is(path, std::move(made));
}

void Placement::put(const TreePath& path, const Placed& placed) {
  add_parents(path);
  if (hint_ != staged_.end() && hint_->first < path) hint_ = staged_.end();
  hint_ = std::next(staged_.insert_or_assign(hint_, path, placed));
}

bool Placement::put_beneath(const TreePath& target, const CopyOrigin* origin) {
  auto after = staged_.lower_bound(target);
  if (after != staged_.end() && after->first == target) ++after;
  if (bulk_ || (after != staged_.end() && target.contains(after->first))) return false;
  bulk_ = Bulk{target, origin};
  return true;
}

// What was put one by one stays.
void Placement::unfold_bulk() {
  for (Entry& row : bulk_->rows()) staged_.emplace(bulk_->target / row.path, bulk_->placed(row));
  bulk_.reset();
}

void Placement::put_as_is(const TreePath& path, Entry entry) {
  if (entry.type == EntryType::directory && hidden_.contains(path)) entry.opaque = true;
  put(path, {Placed::Kind::as_is, &entries_.emplace_back(std::move(entry)), nullptr, {}});
}

void Placement::put_unpacked(const TreePath& path, Entry entry, Spool::Stretch stretch) {
  if (entry.type == EntryType::directory && hidden_.contains(path)) entry.opaque = true;
  put(path, {Placed::Kind::unpacked, &entries_.emplace_back(std::move(entry)), nullptr, stretch});
}

// A file of `below` is written once more, as overlayfs copies up what gets a further name.
bool Placement::link(const TreePath& path, const TreePath& target) {
  const auto entry = find(target);
  if (!entry || entry->type == EntryType::directory) return false;
  if (!staged_at(target)) put_as_is(target, *entry);
  const Placed placed = staged_at(target).value();
  share(placed.from);
  put(path, placed);
  return true;
}

void Placement::remove(const TreePath& path) {
  const auto below = find_below(path);
  if (below && below->type == EntryType::directory) hidden_.insert(path);
  if (bulk_ && (bulk_->target.contains(path) || path.contains(bulk_->target))) unfold_bulk();
  auto end = staged_.lower_bound(path);
  const auto begin = end;
  while (end != staged_.end() && path.contains(end->first)) ++end;
  staged_.erase(begin, end);
  hint_ = staged_.end();
  parents_added_ = TreePath();
}

// Directories of `below` on the way to path are written as they are (copy.h).
void Placement::add_parents(const TreePath& path) {
  TreePath parent = path.parent();
  if (parent == parents_added_) return;
  parents_added_ = parent;
  for (; !parent.is_root() && !staged_at(parent); parent = parent.parent()) {
    auto entry = find_below(parent);
    if (!entry) throw Error(Errc::invalid, cat(path.absolute(), " has no parent directory"));
    const Placed placed{
        Placed::Kind::as_is, &entries_.emplace_back(*std::move(entry)), nullptr, {}};
    staged_.emplace(parent, placed);
  }
}

void set_mode(Entry& entry, std::uint32_t mode) {
  entry.mode = mode;
  const auto acl = entry.xattrs.find(std::string(kAccessAclXattr));
  if (acl != entry.xattrs.end()) acl->second = acl_with_mode(std::move(acl->second), mode);
}

Entry Placement::effective(const TreePath& path, const Placed& placed) const {
  Entry entry = *placed.from;
  entry.path = path;
  if (entry.type == EntryType::file) entry.link_target.clear();
  if (placed.kind != Placed::Kind::as_is && options_.chown) {
    entry.uid = options_.chown->uid;
    entry.gid = options_.chown->gid;
  }
  if (placed.kind == Placed::Kind::copied && options_.chmod && entry.type != EntryType::symlink) {
    set_mode(entry,
             options_.chmod->apply(entry.mode, entry.type == EntryType::directory));  // COPY-24
  }
  return entry;
}

void Placement::write_file(const Entry& entry, const Placed& placed, Writing& writing) const {
  switch (placed.kind) {
    case Placed::Kind::as_is:
      writing.writer.add(entry, below_.open(*placed.from).get());
      break;
    case Placed::Kind::unpacked:
      writing.writer.add(entry, spool_.open(placed.stretch).get());
      break;
    case Placed::Kind::copied:
      write_copied(entry, placed, writing);
      break;
  }
}

// The key of an unread selection will say what was written.
void Placement::write_copied(Entry entry, const Placed& placed, Writing& writing) {
  Entry& from = *placed.from;
  auto& opener = writing.openers[placed.origin->tree];
  if (!opener) opener = placed.origin->tree->opener();
  OpenedFile opened = opener->open(placed.origin->source->in_tree(from));
  if (from.unread) {
    settle_unread(from, std::move(opened.capability));
    entry.xattrs = from.xattrs;
  }
  const auto content = writing.writer.add(entry, opened.bytes.get());
  if (from.content) return;
  from.content = content;
  opener->learn(*content);
}

void Placement::write(LayerWriter& writer) const {
  Writing writing{writer, {}, {}};
  auto single = staged_.begin();
  const auto write_singles = [&](const TreePath* before) {
    for (; single != staged_.end() && (before == nullptr || single->first < *before); ++single) {
      write_one(single->first, single->second, writing);
    }
  };
  if (bulk_) {
    for (Entry& row : bulk_->rows()) {
      const TreePath path = bulk_->target / row.path;
      write_singles(&path);
      const bool replaced = single != staged_.end() && single->first == path;
      if (!replaced) write_one(path, bulk_->placed(row), writing);
    }
  }
  write_singles(nullptr);
}

void Placement::write_one(const TreePath& path, const Placed& placed, Writing& writing) const {
  Entry entry = effective(path, placed);
  if (shared_.contains(placed.from)) {
    const auto [first, is_first] = writing.first_names.try_emplace(placed.from, path.str());
    if (!is_first) {
      entry.type = EntryType::hard_link;
      entry.link_target = first->second;
      writing.writer.add(entry);
      return;
    }
  }
  if (entry.type != EntryType::file) {
    writing.writer.add(entry);
    return;
  }
  with_context([&] { return describe(path, placed); }, [&] { write_file(entry, placed, writing); });
}

// Of what is copied the source's name says more than the destination's.
std::string Placement::describe(const TreePath& path, const Placed& placed) const {
  if (placed.kind != Placed::Kind::copied) return cat("writing ", path.absolute());
  const SelectedSource& source = *placed.origin->source;
  const bool is_top = placed.from == &source.top;
  return cat("copying ",
             (is_top ? source.top.path : source.top.path / placed.from->path).absolute());
}

}  // namespace cooper::layers
