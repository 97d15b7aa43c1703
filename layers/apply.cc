#include "layers/apply.h"

#include "base/error.h"
#include "layers/apply_directory.h"
#include "layers/apply_rows.h"
#include "layers/tar_reader.h"

namespace cooper::layers {
namespace {

// For a table alone: files are read for their digests.
class HashActions : public NoActions {
 public:
  std::optional<oci::ContentDigest> make(const Entry&, ByteSource* content) override {
    if (content == nullptr) return std::nullopt;
    NullSink nowhere;
    oci::DigestSink digest(nowhere);
    copy_all(*content, digest);
    return oci::ContentDigest{digest.digest()};
  }
};

void add_all(TarReader& reader, ApplyRows& rows) {
  while (const auto member = reader.next()) rows.add(*member, reader.content());
}

// Passes on, and remembers what digest the last file had.
class Watched : public RowActions {
 public:
  explicit Watched(RowActions& actions) : actions_(actions) {}
  void make_directory(const TreePath& path) override { actions_.make_directory(path); }
  void remove(const TreePath& path) override { actions_.remove(path); }
  std::optional<oci::ContentDigest> make(const Entry& entry, ByteSource* content) override {
    last_ = actions_.make(entry, content);
    return last_;
  }
  void make_link(const Entry& first, const TreePath& path) override {
    actions_.make_link(first, path);
  }
  const std::optional<oci::ContentDigest>& last() const noexcept { return last_; }

 private:
  RowActions& actions_;
  std::optional<oci::ContentDigest> last_;
};

Table finish(ApplyRows&& rows, ApplyDirectory& directory) {
  Table table = std::move(rows).finish();
  directory.finish(table);
  return table;
}

// Both tables in one pass over the tar.
Applied apply_both(TarReader& reader, const Dir& into, const StandInSeal& seal, Hiding hiding,
                   const Tree& below, const std::string& name) {
  ApplyDirectory directory(into, seal, hiding);
  Watched watched(directory);
  ApplyRows rows(&below, watched, name);
  NoActions known;
  MemorySource no_content{std::string()};
  ApplyRows alone(nullptr, known, name);
  while (auto member = reader.next()) {
    rows.add(*member, reader.content());
    if (member->entry.type == EntryType::file) member->entry.content = watched.last();
    alone.add(*member, no_content);
  }
  return {finish(std::move(rows), directory), std::move(alone).finish()};
}

void check_diff_id(TarReader& reader, const oci::DiffId& expected, const std::string& name) {
  const oci::DiffId found = reader.diff_id();
  if (found == expected) return;
  throw Error(Errc::corrupt, cat(name, ": the layer's diffID is ", found, ", expected ", expected));
}

}  // namespace

Table apply_layer(std::unique_ptr<ByteSource> tar, const Dir& into, const StandInSeal& seal,
                  const Tree& below, const TarLimits& limits, const std::string& name) {
  TarReader reader(std::move(tar), limits, name, TarKind::layer);
  ApplyDirectory directory(into, seal);
  ApplyRows rows(&below, directory, name);
  add_all(reader, rows);
  return finish(std::move(rows), directory);
}

void set_directory(const Dir& directory, const Entry& entry, const StandInSeal& seal) {
  Entry root = entry;
  root.path = TreePath();
  root.opaque = false;
  ApplyDirectory(directory, seal).finish(Table({std::move(root)}));
}

Table read_table(std::unique_ptr<ByteSource> tar, const TarLimits& limits, const std::string& name,
                 const std::optional<oci::DiffId>& expected) {
  TarReader reader(std::move(tar), limits, name, TarKind::layer, expected.has_value());
  HashActions actions;
  ApplyRows rows(nullptr, actions, name);
  add_all(reader, rows);
  Table table = std::move(rows).finish();
  if (expected) check_diff_id(reader, *expected, name);
  return table;
}

Applied apply_verified(std::unique_ptr<ByteSource> tar, const Dir& into, const StandInSeal& seal,
                       const Tree& below, const oci::DiffId& expected, const TarLimits& limits,
                       const std::string& name, Hiding hiding) {
  TarReader reader(std::move(tar), limits, name, TarKind::layer, true);
  Applied applied = apply_both(reader, into, seal, hiding, below, name);
  check_diff_id(reader, expected, name);
  return applied;
}

}  // namespace cooper::layers
