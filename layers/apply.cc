#include "layers/apply.h"

#include "base/error.h"
#include "layers/apply_directory.h"
#include "layers/apply_rows.h"
#include "layers/tar_reader.h"

namespace cooper::layers {
namespace {

// For a table alone: files are read for their digests.
class HashActions : public RowActions {
 public:
  void make_directory(const TreePath&) override {}
  void remove(const TreePath&) override {}
  std::optional<oci::ContentDigest> make(const Entry&, ByteSource* content) override {
    if (content == nullptr) return std::nullopt;
    NullSink nowhere;
    oci::DigestSink digest(nowhere);
    copy_all(*content, digest);
    return oci::ContentDigest{digest.digest()};
  }
  void make_link(const TreePath&, const TreePath&) override {}
};

void add_all(TarReader& reader, ApplyRows& rows) {
  while (const auto member = reader.next()) rows.add(*member, reader.content());
}

Table apply(TarReader& reader, const Dir& into, const Tree& below, const std::string& name) {
  ApplyDirectory directory(into);
  ApplyRows rows(&below, directory, name);
  add_all(reader, rows);
  Table table = std::move(rows).finish();
  directory.finish(table);
  return table;
}

}  // namespace

Table apply_layer(std::unique_ptr<ByteSource> tar, const Dir& into, const Tree& below,
                  const TarLimits& limits, const std::string& name) {
  TarReader reader(std::move(tar), limits, name, TarKind::layer);
  return apply(reader, into, below, name);
}

Table read_table(std::unique_ptr<ByteSource> tar, const TarLimits& limits,
                 const std::string& name) {
  TarReader reader(std::move(tar), limits, name, TarKind::layer);
  HashActions actions;
  ApplyRows rows(nullptr, actions, name);
  add_all(reader, rows);
  return std::move(rows).finish();
}

Table apply_verified(std::unique_ptr<ByteSource> tar, const Dir& into, const Tree& below,
                     const oci::DiffId& expected, const TarLimits& limits,
                     const std::string& name) {
  TarReader reader(std::move(tar), limits, name, TarKind::layer, true);
  Table table = apply(reader, into, below, name);
  const oci::DiffId found = reader.diff_id();
  if (found != expected) {
    throw Error(Errc::corrupt,
                cat(name, ": the layer's diffID is ", found, ", expected ", expected));
  }
  return table;
}

}  // namespace cooper::layers
