// Base images: a reference becomes a manifest, a config and a list of layers, from the local store or a registry;
// layers themselves come only when somebody reads them.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "builder/materializer.h"
#include "builder/planner.h"
#include "builder/progress.h"
#include "cache/store.h"
#include "oci/registry.h"

namespace cooper::builder {

enum class PullPolicy {
  registry_first,  // default (FROM-22): ask the registry; a local name answers when it says not found
  local_first,     // --pull=false: a local name answers first
  registry_only,   // --pull: local names do not count
};

class BaseImages : public BaseResolver, public LayerFetcher {
 public:
  // additional: directories whose layers are used in place (in_place_blobs.h), before any registry is asked for them.
  BaseImages(cache::Store& store, oci::Registry& registry, Progress& progress, PullPolicy policy,
             std::vector<std::filesystem::path> additional = {})
      : store_(store),
        registry_(registry),
        progress_(progress),
        policy_(policy),
        additional_(std::move(additional)) {}

  // A digest whose manifest is in the store needs no network. When the registry can't be reached (a host without an
  // address is looked up once), a local name answers, with a notice.
  ResolvedBase resolve(const std::string& reference, const oci::Platform& platform) override;
  void ensure_blob(const oci::Descriptor& blob) override;
  std::unique_ptr<ByteSource> fetch(const oci::Descriptor& blob) override;
  // Null: the store has it, or only a registry. A directory that can't be looked into has it not, with a notice.
  std::unique_ptr<ByteSource> in_place(const oci::Descriptor& blob);

  // The root (manifest) that a reference resolves to, its manifest and config in the store.
  oci::Descriptor resolve_root(const oci::Reference& reference, const oci::Platform& platform);

 private:
  struct Download {
    std::unique_ptr<cache::StepLock> lock;
    oci::Reference reference;
  };
  std::optional<Download> begin_download(const oci::Descriptor& blob);
  void download(const oci::Reference& reference, const oci::Descriptor& blob, ByteSink& also);
  std::optional<oci::Descriptor> find_local(const oci::Reference& reference);
  oci::Descriptor ask_registry(const oci::Reference& reference, const oci::Platform& platform, oci::Lookup lookup);
  // The manifest for `platform`, out of an index or as it is; fetched where missing.
  oci::Descriptor choose_manifest(const oci::Descriptor& root, const oci::Platform& platform);
  oci::Descriptor take_from_layout(const std::string& text, const oci::Platform& platform);
  std::string fetch_metadata(const oci::Reference& reference, const oci::Descriptor& blob);
  void remember_origin(const oci::Manifest& manifest, const oci::Reference& reference, bool replacing);

  cache::Store& store_;
  oci::Registry& registry_;
  Progress& progress_;
  PullPolicy policy_;
  std::vector<std::filesystem::path> additional_;
  Guarded<std::set<std::string>> told_;  // directories that could not be looked into
};

// Pushes an image. A layer that the registry has in another repository, which this store pulled it from or pushed it to, is
// asked to be mounted from there (distribution-spec "Mounting a blob"), so that it is neither fetched nor sent. Layers
// that arrived are remembered for later pushes.
void push_image(oci::Registry& registry, const oci::Reference& name, const oci::Descriptor& root, oci::BlobReader& blobs,
                cache::Store& store);

// Blobs of the store, and of an image's layers those that are still elsewhere: fetched when they are read, or read in place.
// What exporters and pushes read from.
class FetchingBlobs : public oci::BlobReader {
 public:
  FetchingBlobs(cache::Store& store, BaseImages& bases, const std::vector<PlannedLayer>& layers);
  bool has(const oci::BlobDigest& digest) override { return elsewhere_.contains(digest) || store_.has(digest); }
  std::unique_ptr<ByteSource> open_blob(const oci::BlobDigest& digest) override;
  std::optional<oci::Checksum> checksum_of(const oci::BlobDigest& digest) override { return store_.checksum_of(digest); }

 private:
  cache::Store& store_;
  BaseImages& bases_;
  std::map<oci::BlobDigest, oci::Descriptor> elsewhere_;
};

}  // namespace cooper::builder
