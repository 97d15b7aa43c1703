// COPY and ADD of local files: which entries are selected, and where they land.
//
// Selecting looks only at the source (so that the cache key can be made before anything is known of
// the destination); placing looks at the destination's tables. Nothing is mounted, nothing is
// copied to disk: selected files stream from the source into the layer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "layers/layer_writer.h"
#include "layers/tree.h"

namespace cooper::layers {

// -- selecting ------------------------------------------------------------------------------------
struct CopySource {
  // As written, after expansion; leading '/' and ".." are cut at the root (COPY-02).
  std::string pattern;
  bool literal = false;   // heredocs and ADD of remote files: no wildcards
  std::string name = {};  // in a destination directory, when it is not the pattern's last component
};

struct CopyRequest {
  std::vector<CopySource> sources;
  bool parents = false;          // --parents (COPY-29 … COPY-32)
  bool unpack_archives = false;  // ADD (ADD-02)
  // Files beneath directories need not be read to select them (Entry::unread). Not with archives.
  bool leave_unread = false;
  // --exclude patterns, made into a filter by the caller; relative to each resolved source
  // directory (COPY-33). Null: none.
  std::shared_ptr<const PathFilter> exclude;
  // exclude, glob and has_wildcard are called from several threads at once.
  // Glob matching, made by the caller (COPY-10: Go filepath.Match; with `deep`, "**" spans
  // directories).
  std::function<bool(const std::string& pattern, const std::string& path, bool deep)> glob;
  std::function<bool(const std::string& pattern)> has_wildcard;
};

// One source after wildcards and links are resolved.
struct SelectedSource {
  std::string base_name;      // its name in a destination directory (COPY-05, COPY-14)
  bool is_directory = false;  // its contents are copied, not itself (COPY-04)
  bool is_archive = false;    // ADD: unpacked at the destination
  Entry top;  // the file or directory itself, its path seen from the root of the tree
  // Of a directory: what is beneath, paths relative to it; with --parents what matches, the
  // directory being the one in front of the pivot. Else empty.
  Walked beneath;

  Entry in_tree(const Entry& entry) const;  // one of them, its path seen from the root of the tree
};

struct Selection {
  std::shared_ptr<const Tree> tree;
  std::vector<SelectedSource> sources;  // in the order they are applied
};

// Error(not_found) `"/x": not found` for a literal source that does not exist (COPY-12); what hides
// it is told.
Selection select(std::shared_ptr<const Tree> tree, const CopyRequest& request);

// Content identity of a selection: names, types, modes, owners, link targets, xattrs as far as
// the tree has them, bytes; never mtime, never inode (CACHE-03, CACHE-04). Unknown files are read,
// many at a time.
oci::ContentDigest selection_digest(const Selection& selection, int threads = 2);
// The same; what was read is noted in the selection, and then holds for it: writing other bytes
// fails (LayerWriter). Of what write_copies has read before, this is the identity of what it wrote.
oci::ContentDigest selection_digest(Selection& selection, int threads = 2);

// -- placing --------------------------------------------------------------------------------------
struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  friend bool operator==(const Owner&, const Owner&) = default;
};

// --chmod, parsed (COPY-22, COPY-23). `apply` gives the new mode of one entry.
class ModeChange {
 public:
  // Error(invalid) "invalid chmod parameter: 'x'. it should be octal string and between 0 and
  // 07777".
  static ModeChange parse(const std::string& text);
  std::uint32_t apply(std::uint32_t mode, bool is_directory) const;
  std::optional<std::uint32_t> octal() const;  // set when the text was octal

 private:
  struct Step {
    enum class Kind { set, clear, set_conditional, copy } kind = Kind::set;
    std::uint32_t bits = 0;  // set, clear; set_conditional ('X'): directories and executables only
    std::uint32_t who = 0;   // copy: the permission bits that may change
    int from_shift = 0;      // copy: where the three bits stand that are copied (u 6, g 3, o 0)
    char operation = '=';    // copy
  };
  class Parser;

  std::optional<std::uint32_t> octal_;
  std::vector<Step> steps_;
};

struct PlaceOptions {
  // Absolute, cleaned by the caller except a trailing '/', which counts (COPY-05).
  std::string destination;
  std::optional<Owner> chown;  // nullopt: as in the selection (the context already says 0:0)
  std::optional<ModeChange> chmod;
  Timestamp now;  // for directories that are made (COPY-06, COPY-07)
  // Where the files of a large archive are kept while it is unpacked (ADD-02); null: $TMPDIR or
  // /tmp.
  const Dir* scratch = nullptr;
};

// A new directory and its parents for WORKDIR (WORKDIR-02, 03): nothing for those that exist.
struct MakeDirs {
  std::string path;  // absolute
  Owner owner;
  Timestamp now;
};

// Writes the layer: entries merged over all sources in order (later ones win), sorted, parents
// made. `below` is the destination's rootfs (an empty tree for --link). Errors: "cannot replace to
// directory", "cannot copy to non-directory" (COPY-09); Error(io) naming a file whose bytes are not
// those of the digest in the selection. Existing parents of what is written are
// written too, as they are below, so that unpacking the layer leaves them as they were; the root is
// not.
void write_copy(Selection selection, const PlaceOptions& options, const Tree& below,
                LayerWriter& writer);
void write_dirs(const MakeDirs& request, const Tree& below, LayerWriter& writer);

// Several selections in one instruction (heredocs beside paths: paths first, HEREDOC-14). What the
// selections did not know of the files that are written is noted in them.
void write_copies(std::vector<Selection>& selections, const PlaceOptions& options,
                  const Tree& below, LayerWriter& writer);

// Files held in memory as a source tree (heredocs): 0644 root, directories 0755. Of two with one
// name the later wins.
std::shared_ptr<const Tree> memory_tree(
    std::vector<std::pair<std::string, std::string>> name_and_content, Timestamp mtime = {});

}  // namespace cooper::layers
