// What one instruction writes: collected over the destination's tree source by source, then written
// in order. Private to place.cc and unpack.cc. Paths given here are free of symlinks (resolve gives
// such).
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "layers/copy.h"
#include "layers/spool.h"

namespace cooper::layers {

// Where entries and their bytes come from.
struct CopyOrigin {
  const Tree* tree = nullptr;
  SelectedSource* source = nullptr;  // what is read of its files is noted there
};

// What stands at one path. Two paths with one `from` are names of one file.
struct Placed {
  enum class Kind {
    as_is,
    copied,
    unpacked
  };  // copied: --chown and --chmod apply; unpacked: --chown (ADD-06)
  Kind kind = Kind::as_is;
  Entry* from = nullptr;
  const CopyOrigin* origin = nullptr;  // copied
  Spool::Stretch stretch;              // unpacked
};

// As chmod(2): an ACL is changed with it.
void set_mode(Entry& entry, std::uint32_t mode);

class Placement {
 public:
  Placement(const Tree& below, const PlaceOptions& options);

  // -- the destination, as it is by now
  TreePath resolve(const TreePath& path) const;  // all links followed, missing parts kept (COPY-16)
  std::optional<Entry> find(const TreePath& path) const;
  std::optional<EntryType> type_at(const TreePath& path) const;
  std::optional<Entry> find_below(const TreePath& path) const;  // without what is placed

  // -- changes
  // Missing directories down to path (COPY-06). Error: "cannot copy to non-directory".
  void make_dirs(const TreePath& path, const Owner& owner, std::uint32_t mode);
  // Replaces what stands there; parents must exist. The entry outlives the placement.
  void put(const TreePath& path, const Placed& placed);
  // All that the origin has beneath its directory, beneath target, which must be there. Costs
  // nothing for each, and gives way to whatever is put there one by one, before or later. False,
  // and nothing done: more than target itself is placed there already, or this was used before.
  bool put_beneath(const TreePath& target, const CopyOrigin* origin);
  void put_as_is(const TreePath& path, Entry entry);
  void put_unpacked(const TreePath& path, Entry entry, Spool::Stretch stretch);
  // A further name for the file at target. False: no file there.
  bool link(const TreePath& path, const TreePath& target);
  void share(const Entry* from) { shared_.insert(from); }  // it is about to get several names
  void remove(const TreePath& path);                       // with everything beneath
  const CopyOrigin* add_origin(const CopyOrigin& origin) { return &origins_.emplace_back(origin); }

  Spool& spool() noexcept { return spool_; }

  void write(LayerWriter& writer) const;

 private:
  // One writing of all.
  struct Writing {
    LayerWriter& writer;
    std::unordered_map<const Entry*, std::string> first_names;
    std::map<const Tree*, std::unique_ptr<FileOpener>> openers;
  };
  using Staged = std::map<TreePath, Placed>;
  // The contents of one source directory, placed as a whole.
  struct Bulk {
    TreePath target;
    const CopyOrigin* origin = nullptr;

    std::vector<Entry>& rows() const { return origin->source->beneath.entries; }
    Placed placed(Entry& row) const { return {Placed::Kind::copied, &row, origin, {}}; }
  };

  std::optional<Placed> staged_at(const TreePath& path) const;
  void unfold_bulk();
  void write_one(const TreePath& path, const Placed& placed, Writing& writing) const;
  bool hidden(const TreePath& path) const;
  Entry effective(const TreePath& path, const Placed& placed) const;
  void add_parents(const TreePath& path);
  void write_file(const Entry& entry, const Placed& placed, Writing& writing) const;
  static void write_copied(Entry entry, const Placed& placed, Writing& writing);
  std::string describe(const TreePath& path, const Placed& placed) const;

  const Tree& below_;
  const PlaceOptions& options_;
  Staged staged_;
  // One is enough: a second source lands where the first did, or beside it.
  std::optional<Bulk> bulk_;
  Staged::iterator hint_;      // entries mostly arrive in order
  TreePath parents_added_;     // the last directory whose parents are known to be there
  std::set<TreePath> hidden_;  // directories of `below` that were replaced
  std::deque<Entry> entries_;  // those nobody else owns
  std::deque<CopyOrigin> origins_;
  std::unordered_set<const Entry*> shared_;
  Spool spool_;
};

// Unpacks an archive of a selection (ADD-02 … ADD-06) into `destination`.
void unpack_archive(const CopyOrigin& origin, const TreePath& destination, const Owner& made_owner,
                    Placement& placement);

}  // namespace cooper::layers
