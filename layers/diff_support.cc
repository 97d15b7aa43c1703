#include "layers/diff_support.h"

namespace cooper::layers {

Stubs::Stubs(const std::vector<TreePath>& paths) : paths_(paths.begin(), paths.end()) {
  for (const TreePath& path : paths) {
    for (TreePath at = path; !at.is_root(); at = at.parent()) parents_.insert(at.parent());
  }
}

namespace {

bool same_but_time(const Entry& a, const Entry& b) {
  const auto visible = [&](const Entry& entry) {
    Xattrs xattrs = entry.xattrs;
    xattrs.erase_if([&](const auto& x) { return !allowed_in_layer(x.first, true); });
    return xattrs;
  };
  return a.type == b.type && a.mode == b.mode && a.uid == b.uid && a.gid == b.gid &&
         visible(a) == visible(b);
}

}  // namespace

bool same_directory(const Entry& a, const Entry& b, const Stubs& stubs) {
  return same_but_time(a, b) && (a.mtime.seconds == b.mtime.seconds || stubs.concerns(a.path));
}

void add_changed_root(Entry root, const Tree& below, LayerWriter& writer) {
  const auto lower = below.find(TreePath());
  if (lower && same_but_time(root, *lower)) return;
  root.opaque = false;
  writer.add(root);
}

void ChangeWriter::write_pending() {
  for (const Entry& directory : pending_) writer_.add(directory);
  pending_.clear();
}

void ChangeWriter::add(const Entry& entry) {
  write_pending();
  writer_.add(entry);
}

void ChangeWriter::add_leaf(UpperEntry& leaf) {
  write_pending();
  const Entry& entry = leaf.entry;
  if (leaf.status.st_nlink > 1 && add_as_link(leaf)) return;
  if (entry.type != EntryType::file) {
    writer_.add(entry);
    return;
  }
  FdSource content(std::move(leaf.fd), label_ + entry.path.absolute());
  writer_.add(entry, &content);
}

void ChangeWriter::leave(const TreePath& directory) {
  if (!pending_.empty() && pending_.back().path == directory) pending_.pop_back();
}

bool ChangeWriter::add_as_link(const UpperEntry& leaf) {
  const auto [first, is_new] =
      first_names_.try_emplace({leaf.status.st_dev, leaf.status.st_ino}, leaf.entry.path);
  if (is_new) return false;
  Entry link = leaf.entry;
  link.type = EntryType::hard_link;
  link.link_target = first->second.str();
  writer_.add(link);
  return true;
}

}  // namespace cooper::layers
