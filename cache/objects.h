// Blobs and tables: files with a row in the database that says how long they are. A file counts
// only when its row is there and agrees; a disagreement (a file cut short by a power loss) is a
// miss, and the object is dropped.
//
// Every look at a file is under its own kernel lock: shared while it is checked and its use noted,
// exclusive while it is published or removed. So nobody removes what was just found, and nobody
// finds what is being removed. Rows are read after the file is locked, and removed before the file
// is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/dir.h"
#include "base/guarded.h"
#include "cache/ingest.h"
#include "cache/leases.h"
#include "cache/store_root.h"
#include "oci/digest.h"

namespace cooper::cache {

class Room;

enum class ObjectKind { blob = 0, table = 1 };  // values are stored

struct ObjectId {
  ObjectKind kind = ObjectKind::blob;
  oci::Digest digest;  // of a blob's bytes; of the layer a table describes (diffID)
  friend auto operator<=>(const ObjectId&, const ObjectId&) = default;
};
std::string to_string(const ObjectId& id);
TreePath object_path(const ObjectId& id);

struct ObjectRow {
  std::uint64_t size_bytes = 0;
  oci::Digest content;  // SHA-256 of the file's bytes
  friend bool operator==(const ObjectRow&, const ObjectRow&) = default;
};

class Objects {
 public:
  Objects(StoreRoot& root, Ingest& ingest, const Leases& leases, Room& room)
      : root_(root), ingest_(ingest), leases_(leases), room_(room) {}

  struct Found {
    UniqueFd file;  // unlocked
    std::uint64_t size_bytes = 0;
  };
  // Checks and notes the use. nullopt: absent, or not of the size that is recorded or (when given)
  // expected.
  std::optional<Found> find(const ObjectId& id, std::optional<std::uint64_t> expected_bytes = {});

  // Whether find() would find it. While a lease of ours is held, what was there stays there (nobody removes what a lease
  // covers), and is not looked at again.
  bool has(const ObjectId& id);

  // Publishes a complete file that lies in our ingest directory under `name`; the name is gone
  // afterwards.
  void publish(const ObjectId& id, const ObjectRow& row, const UniqueFd& file,
               const TreePath& name);
  // The same for bytes at hand.
  void publish(const ObjectId& id, std::string_view bytes);

  enum class Removal { removed, absent, in_use };
  // Unless somebody uses it now or used it at `horizon` or later. Its row and the records that name
  // it go first, in one transaction with what `also` adds.
  Removal remove(const ObjectId& id, Nanoseconds horizon,
                 const std::function<void(Database&)>& also = nullptr);
  // Removes it although it may be leased, if its row is still `row`: the file does not hold what it
  // must.
  void drop_damaged(const ObjectId& id, const ObjectRow& row);

  // -- for care, without noting a use
  // ---------------------------------------------------------------
  std::optional<ObjectRow> row(const ObjectId& id);
  std::vector<std::pair<ObjectId, ObjectRow>> rows();
  // A file and the row that went with it at one moment.
  struct Snapshot {
    std::optional<UniqueFd> file;
    std::uint64_t file_bytes = 0;
    std::optional<ObjectRow> row;
  };
  Snapshot look(const ObjectId& id);
  void adopt(const ObjectId& id, const ObjectRow& row);  // records a file that has no row
  // A blob's whole text; nullopt when absent or longer than the limit.
  std::optional<std::string> peek(const oci::Digest& blob, std::size_t limit_bytes);
  // Files beneath blobs/ and tables/ that are named like objects.
  std::vector<ObjectId> files() const;

 private:
  bool keep_existing(const ObjectId& id, const ObjectRow& row, bool& absent,
                     const TreePath& source);
  void record(const ObjectId& id, const ObjectRow& row);
  void note_use(int fd, const struct stat& status, const ObjectId& id) const;
  bool forget(Database& database, const ObjectId& id, bool has_file) const;

  StoreRoot& root_;
  Ingest& ingest_;
  const Leases& leases_;
  Room& room_;
  struct Kept {
    Nanoseconds lease = 0;  // our oldest: what was found since it began is there until it ends
    std::set<ObjectId> found;
  };
  Guarded<Kept> kept_;
};

}  // namespace cooper::cache
