// Read-only views of a whole tree: a build context on disk, or layers merged.
//
// COPY, USER and --chown look-ups and bind sources see files only through this. All paths are
// lstat-like; resolve() follows links inside the tree. Views are immutable and thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "base/dir.h"
#include "layers/entry.h"
#include "layers/table.h"
#include "layers/walk.h"

namespace cooper::layers {

struct FileContent {
  oci::ContentDigest digest;
  Fingerprint fingerprint = {};                // if the file was read for the digest now
  std::optional<std::string> capability = {};  // of an unread file
};

struct OpenedFile {
  std::unique_ptr<ByteSource> bytes;
  std::optional<std::string> capability = {};  // of an unread file
};

// Notes that an unread file was opened.
void settle_unread(Entry& file, std::optional<std::string> capability);

class FileOpener {
 public:
  virtual ~FileOpener() = default;
  virtual OpenedFile open(const Entry& file) = 0;
  // What the file opened last, whose digest was unknown, turned out to hold, read to its end:
  // remembered where that is cheap.
  virtual void learn(const oci::ContentDigest&) {}
};

class Tree {
 public:
  virtual ~Tree() = default;
  // Never a whiteout; the root always exists (a directory). A hard link is reported as a file with
  // the leader's metadata and with link_target naming the leader; the leader has link_target empty.
  virtual std::optional<Entry> find(const TreePath& path) const = 0;
  // Entries directly beneath a directory, sorted by path. Not a directory: empty.
  virtual std::vector<Entry> children(const TreePath& directory) const = 0;
  // The bytes of a regular file found here.
  virtual std::unique_ptr<ByteSource> open(const Entry& file) const = 0;
  // Opens one file after the other, as open() does, but may keep their directories open: for one
  // reading of what was found before, as it does not see one directory put in place of another. The
  // tree outlives it.
  virtual std::unique_ptr<FileOpener> opener() const;
  // What the bytes of a regular file found here are; the digest is remembered where that is cheap.
  virtual FileContent content_of(const Entry& file) const = 0;
  // What hides a path that find() says is absent, for messages; "" when nothing does.
  virtual std::string hidden_by(const TreePath&) const { return {}; }
  // Everything beneath a directory that `guide` takes. Through children(), unless the view knows
  // better.
  virtual Walked walk(const TreePath& directory, const WalkGuide& guide) const;
};

// Follows symlinks inside the tree as if it were "/" (40 hops, then Error(invalid)). nullopt:
// absent. follow_last: whether the last component, too, is followed.
std::optional<TreePath> resolve(const Tree& tree, const TreePath& path, bool follow_last);
// As resolve with follow_last, but parts that do not exist are kept as written (the destination of
// a COPY, COPY-16: a dangling link's target is where the file will be made).
TreePath resolve_for_creation(const Tree& tree, const TreePath& path);
// The same for a tree that is known only by looking single paths up (lstat-like, as Tree::find).
using FindEntry = std::function<std::optional<Entry>(const TreePath& path)>;
TreePath resolve_for_creation(const FindEntry& find, const TreePath& path);

// -- layers merged --------------------------------------------------------------------------------
// Where a layer's files lie; absent (std::nullopt) when only metadata is needed. Copies share the
// handle.
class LayerDirectory {
 public:
  LayerDirectory() = default;
  LayerDirectory(std::nullopt_t) {}
  LayerDirectory(Dir directory) : directory_(std::make_shared<const Dir>(std::move(directory))) {}
  LayerDirectory(std::optional<Dir> directory) {
    if (directory) directory_ = std::make_shared<const Dir>(*std::move(directory));
  }
  bool has_value() const noexcept { return directory_ != nullptr; }
  explicit operator bool() const noexcept { return has_value(); }
  const Dir& operator*() const noexcept { return *directory_; }
  const Dir* operator->() const noexcept { return directory_.get(); }

 private:
  std::shared_ptr<const Dir> directory_;
};

// The bytes of one file of a layer, by its row in the table.
using OpenRow = std::function<std::unique_ptr<ByteSource>(const Entry& row)>;

struct LayerView {
  TablePtr table;
  LayerDirectory directory;
  OpenRow open = {};  // used where there is no directory (packed_layer.h); may be null
};
// bottom first. open() on a file whose layer has neither is Error(not_found).
std::unique_ptr<Tree> merge_layers(std::vector<LayerView> bottom_first);

// -- a directory on the host
// ------------------------------------------------------------------------ What a walk must leave
// out. `excluded` decides for one path; `prune` says that nothing beneath an excluded directory can
// be included again (so it need not be read).
class PathFilter {
 public:
  virtual ~PathFilter() = default;
  virtual bool excluded(const TreePath& path, bool is_directory) const = 0;
  virtual bool prunable(const TreePath& directory) const = 0;
  // What excludes an excluded path, for messages: "line 3 of .dockerignore". May be "".
  virtual std::string excluded_by(const TreePath&) const { return {}; }
};

// Remembers file digests between runs, keyed by identity and times (design section 3); the store
// implements it, tests use none.
class DigestMemory {
 public:
  virtual ~DigestMemory() = default;
  virtual std::optional<oci::ContentDigest> recall(const struct stat& file) = 0;
  virtual void remember(const struct stat& file, const oci::ContentDigest& digest) = 0;
  // Whether it is not worth asking: then a file may be opened before anything is known of it.
  virtual bool empty() const = 0;
};

struct HostTreeOptions {
  std::shared_ptr<const PathFilter> filter;  // may be null
  DigestMemory* memory = nullptr;            // may be null; outlives the tree
  int threads = 2;
  // user.* attributes of files and directories too, not capabilities alone. Never ACLs: whom they
  // name are users of the host, as owners are (CTX-03).
  bool keep_xattrs = false;
};
// Files as uid 0, gid 0 with their modes and mtimes (CTX-03); sockets are left out. A file that
// changes size or mtime while it is read is Error(io) naming it.
std::unique_ptr<Tree> open_host_tree(Dir root, HostTreeOptions options);

}  // namespace cooper::layers
