// The one tar reader: any compression, any tar dialect that libarchive knows, under limits.
//
// Names are taken as raw bytes in every locale. A member whose name or hard-link target holds a
// NUL, or climbs out of the tree of a layer, is Error(invalid) naming it (in an archive, ".." at
// the top is the top, as in a root directory: ADD-05); damage and truncation are Error(corrupt). A
// tar that simply ends between two members, without its two zero blocks, is accepted, as every
// reader of the field does: only the diffID can tell that something is missing. Not thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/byte_stream.h"
#include "layers/entry.h"

namespace cooper::layers {

enum class TarKind {
  layer,    // ".wh." names are whiteouts (image-spec layer.md, "Whiteouts")
  archive,  // ".wh." names are ordinary files (ADD of a tar archive)
};

// Entry::mtime has whole seconds or what a PAX record says. A hard link's link_target is a TreePath
// text. Whiteouts come as EntryType::whiteout of the removed path. An opaque marker comes as a
// directory with opaque set and `marker` true: its metadata means nothing. aufs bookkeeping
// (".wh..wh.*") is left out.
struct TarMember {
  Entry entry;
  bool marker = false;
};

class TarReader {
 public:
  // name appears in errors. with_diff_id: hash the uncompressed bytes on the way.
  TarReader(std::unique_ptr<ByteSource> tar, const TarLimits& limits, std::string name,
            TarKind kind, bool with_diff_id = false);
  TarReader(TarReader&&) noexcept;
  ~TarReader();

  // The next member; what is unread of the last one is skipped. nullopt: the end, and everything
  // after the archive's end has been read too.
  std::optional<TarMember> next();
  // The bytes of the member that next() returned last (holes as zeros). Valid until the next call
  // of next().
  ByteSource& content();
  // Of the whole uncompressed stream; once, after next() said nullopt. Precondition: with_diff_id.
  oci::DiffId diff_id();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cooper::layers
