#include "layers/write_tree.h"

#include <stdexcept>

#include "base/error.h"
#include "layers/apply_directory.h"

namespace cooper::layers {
namespace {

const SelectedSource& only_source(const Selection& selection) {
  if (selection.sources.size() != 1) throw std::logic_error("a tree is written from one source");
  return selection.sources.front();
}

std::unique_ptr<ByteSource> open_source(const Selection& selection, const TreePath& at,
                                        const Entry& entry) {
  Entry in_tree = entry;
  in_tree.path = at;
  return selection.tree->open(in_tree);
}

void write_one(const Selection& selection, const SelectedSource& source, const Entry& entry,
               ApplyDirectory& out) {
  if (entry.type == EntryType::directory) {
    out.make_directory(entry.path);
  } else if (entry.type != EntryType::file) {
    out.make(entry, nullptr);
  } else if (!entry.link_target.empty()) {
    Entry first = entry;
    first.path = TreePath::clean(entry.link_target);
    out.make_link(first, entry.path);
  } else {
    const TreePath at = source.is_directory ? source.top.path / entry.path : source.top.path;
    out.make(entry, open_source(selection, at, entry).get());
  }
}

// The entries as they are written, the top directory among them.
std::vector<Entry> written_entries(const SelectedSource& source) {
  std::vector<Entry> entries;
  if (!source.is_directory) {
    entries.push_back(source.top);
    entries.back().path = TreePath::clean(kSingleFileName);
    return entries;
  }
  entries.reserve(source.beneath.entries.size() + 1);
  entries.push_back(source.top);
  entries.back().path = TreePath();
  entries.insert(entries.end(), source.beneath.entries.begin(), source.beneath.entries.end());
  return entries;
}

}  // namespace

void write_tree(const Selection& selection, const Dir& into, const StandInSeal& seal) {
  const SelectedSource& source = only_source(selection);
  ApplyDirectory out(into, seal);
  std::vector<Entry> directories;
  for (Entry& entry : written_entries(source)) {
    write_one(selection, source, entry, out);
    if (entry.type == EntryType::directory) directories.push_back(std::move(entry));
  }
  out.finish(Table(std::move(directories)));
}

oci::Digest tree_identity(const Selection& selection, const oci::ContentDigest& content) {
  oci::Sha256 hasher;
  hasher.update(std::string_view("cooper tree 1\n"));
  hasher.update(std::string_view(content.str()));
  for (const Entry& entry : written_entries(only_source(selection))) {
    hasher.update(std::string_view(cat("\n", entry.mtime.seconds, ".", entry.mtime.nanoseconds)));
    if (!entry.path.is_root()) continue;
    hasher.update(std::string_view(cat(" ", entry.mode, " ", entry.uid, " ", entry.gid)));
  }
  return hasher.finish();
}

}  // namespace cooper::layers
