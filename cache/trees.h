// Published directories, each with a mark beside it: trees/<mapping>/<chain> and <chain>.used. A
// tree counts only when its mark says that it is whole; the mark's mtime is the last use, and the
// mark's kernel lock is held while the tree is looked up (shared), published or removed
// (exclusive), so the tree itself is never touched.
//
// Files in trees are not flushed to disk one by one, and nobody checks their sizes as is done for
// blobs. So the mark says in which boot the tree was made, and a tree of an earlier boot counts
// only if it was also used in its own boot so long after it was made that the kernel had written it
// out. Else it is a miss and is made again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/dir.h"
#include "base/temp_dir.h"
#include "cache/file_lock.h"
#include "cache/ingest.h"
#include "cache/leases.h"
#include "cache/store_root.h"
#include "oci/digest.h"

namespace cooper::cache {

class Room;

struct TreeId {
  std::string mapping;
  oci::Digest chain;
  friend auto operator<=>(const TreeId&, const TreeId&) = default;
};
std::string to_string(const TreeId& id);
std::string tree_size_key(const TreeId& id);  // its row in tree_sizes

// The notes that a tree keeps of itself in its files are sealed with the store's secret, so the
// mark names the secret: under another one the tree is a miss, too.

// What a mark's text says about the tree, seen in this boot.
enum class TreeState {
  unfinished,   // never published, or perhaps torn by a power loss
  young,        // whole; made in this boot and not yet long ago
  settled_now,  // whole, and old enough by now to be written down as settled
  settled,      // whole, whatever boot
};
struct BootClock {
  std::string boot_id;
  std::int64_t seconds = 0;  // since boot
};
BootClock boot_clock();
// secret_name: of cache/secret.h; a tree without one does not count.
std::string mark_text(const BootClock& now, const std::string& secret_name);
TreeState read_mark(const std::string& text, const BootClock& now, const std::string& secret_name);
inline constexpr const char* kSettledMark = "settled\n";  // appended
inline constexpr std::int64_t kSettleSeconds = 15 * 60;

class Trees {
 public:
  Trees(StoreRoot& root, Ingest& ingest, const Leases& leases, Room& room)
      : root_(root), ingest_(ingest), leases_(leases), room_(room) {}

  std::optional<Dir> find(const TreeId& id);
  Dir put(const TreeId& id, TempDir tree, const TreePath& inside);

  // -- for care
  // ----------------------------------------------------------------------------------------
  struct Listed {
    TreeId id;
    Nanoseconds last_use = 0;  // 0: no mark
    bool whole = false;        // its mark says so
    bool present = false;      // the directory is there
  };
  std::vector<Listed> list() const;
  std::vector<TreeId> present() const;  // directories, whatever their marks say
  // What it takes on disk; counted once and remembered.
  std::uint64_t size_bytes(const TreeId& id);
  enum class Removal { removed, in_use };
  // A whole tree whose directory is not there, and nobody is just putting it.
  bool is_lost(const TreeId& id) const;
  // Removes the mark of a lost tree, if it is lost still.
  void forget_lost(const TreeId& id);
  // Error(denied) when the files are not ours to remove (sub-ids, seen from outside their
  // namespace).
  Removal remove(const TreeId& id, Nanoseconds horizon);

 private:
  TreeState state_of(const std::string& mark) const;
  bool lost(const TreeId& id, int mark) const;
  LockedFile lock_mark(const TreeId& id);
  void move_in(const TreeId& id, const TempDir& tree, const TreePath& inside);
  std::optional<TreePath> move_out(const TreePath& path, int mark);
  Dir open_tree(const TreeId& id) const;
  void note_use(int mark) const;
  void forget_size(const TreeId& id);
  void record_size(const TreeId& id, std::uint64_t size_bytes);

  StoreRoot& root_;
  Ingest& ingest_;
  const Leases& leases_;
  Room& room_;
};

}  // namespace cooper::cache
