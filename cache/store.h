// The store: blobs, layer tables, trees, cache records, local names. One directory, shared by any
// number of processes; layout and promises in cache/README.md.
//
// Promises: an object appears by one atomic rename or one transaction, after it is complete and
// verified; kill -9 or a full disk at any point leaves a valid store; locks are kernel locks and
// die with their process; a record whose objects are gone is a miss, never an error; prune never
// removes what a live lease holds. Every function is safe to call from several threads. A full disk
// is Error(io) "disk full" naming the store, a damaged database Error(corrupt) naming the cure.
//
// Whoever writes, or relies on what it found, holds a lease meanwhile: without one, prune may take
// an object right after it was found. What a Store hands out (writers, directories, leases) goes
// before the Store does, and nothing else of the same Store may run during prune({all}), which may
// remove the database.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/dir.h"
#include "base/temp_dir.h"
#include "cache/store_usage.h"
#include "oci/blob_store.h"
#include "oci/descriptor.h"
#include "oci/digest.h"
#include "oci/reference.h"

namespace cooper::cache {

// The key of a step: SHA-256 over its canonical record text, which is kept to explain misses.
using StepKey = oci::Named<struct StepKeyTag>;

// A layer that a step made, or that belongs to a base image.
struct LayerRecord {
  oci::Descriptor descriptor;
  oci::DiffId diff_id;
  friend bool operator==(const LayerRecord&, const LayerRecord&) = default;
};

struct StepRecord {
  std::string inputs;                // canonical text that the key is the digest of
  std::optional<LayerRecord> layer;  // what the step added
  std::string created;               // RFC 3339; cached steps keep their time (IMG-04)
  friend bool operator==(const StepRecord&, const StepRecord&) = default;
};

// Held by a running build: what it has looked up or made is safe from prune until the handle goes.
class Lease {
 public:
  virtual ~Lease() = default;
};

// A kernel lock on one step key, across processes and threads.
class StepLock {
 public:
  virtual ~StepLock() = default;
};

// A RUN cache mount's directory, kept from prune and from whoever must not share it until the
// handle goes. It is no part of any layer, and may be found empty at any time.
class CacheMount {
 public:
  virtual ~CacheMount() = default;
  virtual const std::string& path() const = 0;  // absolute, on the host
};

struct CacheMountRequest {
  // MNT-18. shared: all such users see one directory. exclusive ("private"): each has its own while
  // it uses it, free ones are taken again. locked: one after the other.
  enum class Sharing { shared, exclusive, locked };
  std::string mapping;   // ids on disk, as for trees
  oci::Digest identity;  // of the cache: equal ones share
  Sharing sharing = Sharing::shared;
  bool fresh = false;       // what is there is thrown away, or left to who uses it
  std::string description;  // for people: written down beside it
};

// Without options: what no name reaches (results of steps, trees, RUN cache mounts). With `all` and
// nothing else, and nobody else there, the directory is left empty, and a damaged database is no
// obstacle.
struct PruneOptions {
  bool all = false;                                // then also names, and what only they reach
  std::optional<std::chrono::seconds> older_than;  // by last use
  std::optional<std::uint64_t> keep_bytes;         // stop once the store is this small
};
struct PruneResult {
  std::uint64_t removed_objects = 0;
  std::uint64_t freed_bytes = 0;
};

// A ceiling for what the store takes on disk, what builds are still writing aside: what enters it (a layer, its table, a
// tree, a cache mount) takes the room of what was used longest ago, results of steps and base images first, then names
// with what only they reach; never of what a live lease holds. Where that is not enough it is refused with Error(io).
struct StoreLimit {
  std::uint64_t bytes = 0;
  std::function<void(const oci::Reference&)> gave_up = nullptr;  // told of every name that went; from any thread
};

struct NamedImage {
  oci::Reference reference;
  oci::Descriptor root;
  std::string created;
};

class Store : public oci::BlobStore {
 public:
  // Opens or makes it. Error(denied|io) names the path; a store of a newer format is
  // Error(unsupported), a directory full of something else Error(invalid).
  static std::unique_ptr<Store> open(const std::filesystem::path& path);
  ~Store() override = default;

  virtual const std::filesystem::path& path() const = 0;

  // The blob as a file, to be read at any place; Error(not_found) as open_blob.
  virtual UniqueFd open_blob_file(const oci::BlobDigest& digest) = 0;

  // -- a running build
  // ------------------------------------------------------------------------------
  virtual std::unique_ptr<Lease> lease() = 0;
  // Waits; Error(cancelled) when stop is requested. The lock file vanishes with its last holder.
  virtual std::unique_ptr<StepLock> lock_step(const StepKey& key, std::stop_token stop) = 0;
  // Removes what builds that were killed left unfinished. Done on opening too, but files of mapped
  // ids wait for somebody who is in their namespace.
  virtual void sweep() = 0;
  // A private directory beneath ingest/, swept when its owner is gone.
  virtual TempDir scratch(const std::string& prefix) = 0;

  // -- records
  // -------------------------------------------------------------------------------------- A record
  // whose layer blob is missing or has another size is dropped and answered as a miss. What is
  // found is leased and its last use noted. A record's layer must be in the store by the time the
  // record is put.
  virtual std::optional<StepRecord> find_step(const StepKey& key) = 0;
  virtual void put_step(const StepKey& key, const StepRecord& record) = 0;
  // Whether there is a record whose inputs begin and end like this; looks through all.
  virtual bool has_step_like(const std::string& begin, const std::string& end) = 0;
  // Early cutoff (CACHE-20): the layer first made on `parent` (nullopt: scratch) with this content.
  virtual std::optional<StepRecord> find_equal(const std::optional<oci::ChainId>& parent,
                                               const oci::ContentDigest& content) = 0;
  virtual void put_equal(const std::optional<oci::ChainId>& parent,
                         const oci::ContentDigest& content, const StepRecord& record) = 0;

  // -- tables (by diffID)
  // -----------------------------------------------------------------------------
  // The file, which never changes.
  virtual std::optional<UniqueFd> open_table(const oci::DiffId& diff_id) = 0;
  virtual void put_table(const oci::DiffId& diff_id, std::string_view bytes) = 0;

  // -- trees: directories usable as overlay lower directories, per id mapping
  // ----------------------- mapping: a short file-name-safe word ("0", "sub-100000-65536").
  virtual std::optional<Dir> find_tree(const std::string& mapping, const oci::ChainId& chain) = 0;
  // An empty directory on the same file system, to be filled and then given to put_tree.
  virtual TempDir new_tree(const std::string& mapping) = 0;
  // Publishes subdirectory `inside` (root: the whole) of a new_tree. When another process was
  // first, theirs wins and ours is dropped. Returns the published directory.
  virtual Dir put_tree(const std::string& mapping, const oci::ChainId& chain, TempDir tree,
                       const TreePath& inside) = 0;
  // Where trees of a mapping lie: absolute host path (for mounts).
  virtual std::string tree_path(const std::string& mapping, const oci::ChainId& chain) const = 0;

  // -- RUN cache mounts, per id mapping
  // --------------------------------------------------------------- Waits for other users where
  // sharing says so (Error(cancelled) when stop is requested). fill(directory) gives a new one its
  // content, owner and mode before anybody sees it.
  virtual std::unique_ptr<CacheMount> cache_mount(const CacheMountRequest& request,
                                                  const std::function<void(const Dir&)>& fill,
                                                  std::stop_token stop) = 0;

  // -- names
  // ------------------------------------------------------------------------------------------ A
  // name whose root (manifest or index) is not in the store is absent. Finding it leases the whole
  // image.
  virtual std::optional<oci::Descriptor> find_name(const oci::Reference& reference) = 0;
  virtual void put_name(const oci::Reference& reference, const oci::Descriptor& root,
                        const std::string& created) = 0;
  virtual bool remove_name(const oci::Reference& reference) = 0;
  virtual std::vector<NamedImage> names() = 0;  // sorted by reference

  // -- small remembered facts
  // ----------------------------------------------------------------------- Which manifest a
  // reference resolved to, what platform was chosen, …: (kind, key) -> text.
  virtual std::optional<std::string> find_fact(const std::string& kind, const std::string& key) = 0;
  virtual void put_fact(const std::string& kind, const std::string& key,
                        const std::string& value) = 0;
  virtual std::map<std::string, std::string> facts(const std::string& kind) = 0;  // by key
  virtual void drop_fact(const std::string& kind, const std::string& key) = 0;
  // 32 random bytes that only this store's owner can read, the same as long as any of its trees
  // counts: what vouches for notes kept inside trees, where processes of a build may write.
  virtual std::string secret() = 0;
  // A directory for remembered file digests (layers::PackedDigestMemory).
  virtual Dir digests_dir() = 0;

  // From now on what enters the store has to fit. Before anything else is done with this object, and once.
  virtual void set_limit(StoreLimit limit) = 0;

  // -- care
  // -------------------------------------------------------------------------------------------
  virtual PruneResult prune(const PruneOptions& options) = 0;
  // Re-hashes every blob, re-reads every record, name and tree; one line per problem, empty when
  // all is well. `repair` drops what is damaged.
  virtual std::vector<std::string> verify(bool repair) = 0;
  virtual std::uint64_t size_bytes() = 0;
  virtual StoreUsage usage() = 0;
};

}  // namespace cooper::cache
