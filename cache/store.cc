#include "cache/store.h"

#include <fcntl.h>

#include <memory>
#include <utility>

#include "base/error.h"
#include "cache/blob_writer.h"
#include "cache/cache_mounts.h"
#include "cache/disk_full.h"
#include "cache/layout.h"
#include "cache/prune.h"
#include "cache/room.h"
#include "cache/step_lock.h"
#include "cache/usage.h"

namespace cooper::cache {
namespace {

// Everything a store object owns, in the order it is made; kept alive by leases too.
struct Core {
  explicit Core(const std::filesystem::path& path) : root(path) {}

  StoreRoot root;
  Ingest ingest{root};
  Leases leases{root};
  Room room{root};
  Objects objects{root, ingest, leases, room};
  Checksums checksums;
  Trees trees{root, ingest, leases, room};
  CacheMounts mounts{root, ingest, leases, room};
  Records records{root, objects, leases};
  const StoreParts parts{root, ingest, leases, objects, trees, mounts, records};
  void flush_uses() noexcept {
    try {
      records.flush_uses();
    } catch (const Error&) {
      // A use that is not written down makes prune remove a record too early: a miss.
    }
  }
};

class FileLease final : public Lease {
 public:
  explicit FileLease(std::shared_ptr<Core> core)
      : core_(std::move(core)), held_(core_->leases.take()) {}
  ~FileLease() override {
    core_->flush_uses();
    core_->leases.give_back(held_);
  }

 private:
  std::shared_ptr<Core> core_;
  Leases::Held held_;
};

ObjectId blob_id(const oci::BlobDigest& digest) {
  return {ObjectKind::blob, digest.value};
}
ObjectId table_id(const oci::DiffId& diff_id) {
  return {ObjectKind::table, diff_id.value};
}

class LocalStore final : public Store {
  // First, as its type is deduced.
  template <class Body>
  decltype(auto) in_store(Body&& body) {
    return telling_disk_full(core_->root.label(), std::forward<Body>(body));
  }

 public:
  explicit LocalStore(const std::filesystem::path& path) : core_(std::make_shared<Core>(path)) {
    core_->ingest.sweep();
  }
  ~LocalStore() override { core_->flush_uses(); }

  const std::filesystem::path& path() const override { return core_->root.path(); }

  bool has(const oci::BlobDigest& digest) override { return core_->objects.has(blob_id(digest)); }
  std::unique_ptr<ByteSource> open_blob(const oci::BlobDigest& digest) override {
    return std::make_unique<FdSource>(open_blob_file(digest), cat("blob ", digest));
  }
  UniqueFd open_blob_file(const oci::BlobDigest& digest) override {
    std::optional<Objects::Found> found = core_->objects.find(blob_id(digest));
    if (!found) {
      throw Error(Errc::not_found,
                  cat("blob ", digest, " is not in the store ", core_->root.label()));
    }
    return std::move(found->file);
  }
  std::optional<oci::Checksum> checksum_of(const oci::BlobDigest& digest) override {
    return core_->checksums.with([&](const auto& checksums) {
      const auto found = checksums.find(digest);
      return found == checksums.end() ? std::nullopt : std::optional(found->second);
    });
  }
  std::unique_ptr<oci::BlobWriter> new_blob() override {
    return make_blob_writer(core_->root, core_->ingest, core_->objects, core_->checksums);
  }

  std::unique_ptr<Lease> lease() override {
    return in_store([&] { return std::make_unique<FileLease>(core_); });
  }
  std::unique_ptr<StepLock> lock_step(const StepKey& key, std::stop_token stop) override {
    return in_store([&] {
      core_->root.ensure();
      return wait_for_step_lock(core_->root.dir(), key, stop);
    });
  }
  void sweep() override { core_->ingest.sweep(); }
  TempDir scratch(const std::string& prefix) override {
    return in_store([&] { return TempDir(core_->ingest.dir(), prefix); });
  }

  std::optional<StepRecord> find_step(const StepKey& key) override {
    return core_->records.find(step_key(key));
  }
  void put_step(const StepKey& key, const StepRecord& record) override {
    core_->records.put(step_key(key), record);
  }
  std::optional<StepRecord> find_equal(const std::optional<oci::ChainId>& parent,
                                       const oci::ContentDigest& content) override {
    return core_->records.find(equal_key(parent, content));
  }
  void put_equal(const std::optional<oci::ChainId>& parent, const oci::ContentDigest& content,
                 const StepRecord& record) override {
    // The older layer stands for as long as it is there (CACHE-20).
    const std::string key = equal_key(parent, content);
    if (!core_->records.find(key)) core_->records.put(key, record);
  }

  std::optional<UniqueFd> open_table(const oci::DiffId& diff_id) override {
    std::optional<Objects::Found> found = core_->objects.find(table_id(diff_id));
    if (!found) return std::nullopt;
    return std::move(found->file);
  }
  void put_table(const oci::DiffId& diff_id, std::string_view bytes) override {
    core_->objects.publish(table_id(diff_id), bytes);
  }

  std::optional<Dir> find_tree(const std::string& mapping, const oci::ChainId& chain) override {
    return core_->trees.find({mapping, chain.value});
  }
  TempDir new_tree(const std::string& mapping) override {
    layout::check_mapping(mapping);
    return in_store([&] { return TempDir(core_->ingest.dir(), "tree-"); });
  }
  Dir put_tree(const std::string& mapping, const oci::ChainId& chain, TempDir tree,
               const TreePath& inside) override {
    return core_->trees.put({mapping, chain.value}, std::move(tree), inside);
  }
  std::string tree_path(const std::string& mapping, const oci::ChainId& chain) const override {
    return (core_->root.path() / layout::tree(mapping, chain.value).str()).string();
  }

  std::unique_ptr<CacheMount> cache_mount(const CacheMountRequest& request,
                                          const std::function<void(const Dir&)>& fill,
                                          std::stop_token stop) override {
    return in_store([&] { return core_->mounts.take(request, fill, stop); });
  }

  std::optional<oci::Descriptor> find_name(const oci::Reference& reference) override {
    return core_->records.find_name(reference);
  }
  void put_name(const oci::Reference& reference, const oci::Descriptor& root,
                const std::string& created) override {
    core_->records.put_name(reference, root, created);
  }
  bool remove_name(const oci::Reference& reference) override {
    return core_->records.remove_name(reference);
  }
  std::vector<NamedImage> names() override { return core_->records.names(); }

  bool has_step_like(const std::string& begin, const std::string& end) override {
    return core_->records.any_like(begin, end);
  }
  std::optional<std::string> find_fact(const std::string& kind, const std::string& key) override {
    return core_->records.find_fact(kind, key);
  }
  std::map<std::string, std::string> facts(const std::string& kind) override {
    return core_->records.facts(kind);
  }
  void drop_fact(const std::string& kind, const std::string& key) override {
    core_->records.drop_fact(kind, key);
  }
  void put_fact(const std::string& kind, const std::string& key,
                const std::string& value) override {
    core_->records.put_fact(kind, key, value);
  }
  std::string secret() override {
    return in_store([&] { return core_->root.secret(); });
  }
  Dir digests_dir() override {
    return in_store([&] {
      core_->root.ensure();
      const TreePath path = layout::path(layout::kDigests);
      core_->root.dir().make_dirs(path, 0700);
      return core_->root.dir().subdir(path);
    });
  }

  void set_limit(StoreLimit limit) override {
    in_store([&] { core_->room.set(std::move(limit), core_->parts); });
  }
  PruneResult prune(const PruneOptions& options) override {
    return in_store([&] { return prune_store(core_->parts, options); });
  }
  std::vector<std::string> verify(bool repair) override {
    return verify_store(core_->parts, repair);
  }
  std::uint64_t size_bytes() override { return store_size(core_->parts); }
  StoreUsage usage() override { return store_usage(core_->parts); }

 private:
  std::shared_ptr<Core> core_;
};

}  // namespace

std::unique_ptr<Store> Store::open(const std::filesystem::path& path) {
  return std::make_unique<LocalStore>(path);
}

}  // namespace cooper::cache
