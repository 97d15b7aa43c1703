#include "builder/base_images.h"

#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/pumped_source.h"
#include "builder/activity.h"
#include "builder/in_place_blobs.h"
#include "builder/layout_images.h"

namespace cooper::builder {
namespace {

constexpr std::size_t kMetadataLimitBytes = 8 << 20;
constexpr const char* kOriginFact = "blob-origin";  // blob digest -> reference that has it
constexpr const char* kLayoutFact = "blob-layout";  // blob digest -> directory of an OCI layout that has it
constexpr const char* kPushedFact = "blob-pushed";  // blob digest and registry -> repository that has it

constexpr int kParallelUploads = 4;

cache::StepKey download_key(const oci::BlobDigest& digest) {
  return {oci::sha256("download " + digest.str())};
}

std::vector<PlannedLayer> pair_layers(const oci::Manifest& manifest, const oci::ImageConfig& config,
                                      const std::string& name) {
  std::vector<PlannedLayer> layers;
  if (config.diff_ids.empty()) return layers;  // FROM-20
  if (config.diff_ids.size() != manifest.layers.size()) {
    throw Error(Errc::corrupt, cat("image ", name, ": its config lists ", config.diff_ids.size(),
                                   " layers, its manifest ", manifest.layers.size()));
  }
  for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
    layers.push_back({manifest.layers[i], config.diff_ids[i]});
  }
  return layers;
}

// Docker Hub answers 401 for repositories that do not exist.
bool is_hub(const oci::Reference& reference) { return reference.registry == oci::kDockerHub; }

bool may_answer_locally(Errc code) {
  return code == Errc::not_found || code == Errc::denied || code == Errc::network;
}

}  // namespace

std::optional<oci::Descriptor> BaseImages::find_local(const oci::Reference& reference) {
  if (reference.digest && store_.has(*reference.digest)) {
    const std::string content = read_all(*store_.open_blob(*reference.digest), kMetadataLimitBytes,
                                         reference.str());
    oci::Descriptor root{std::string(oci::kManifestType), *reference.digest, content.size()};
    if (content.find("\"manifests\"") != std::string::npos) root.media_type = oci::kIndexType;
    return root;
  }
  if (reference.digest) return std::nullopt;
  return store_.find_name(reference);
}

oci::Descriptor BaseImages::ask_registry(const oci::Reference& reference, const oci::Platform& platform,
                                         oci::Lookup lookup) {
  const oci::FetchedManifest fetched = registry_.fetch_manifest(reference, lookup);
  oci::Descriptor manifest = oci::write_blob(store_, fetched.descriptor.media_type, fetched.content);
  if (oci::is_index_type(fetched.descriptor.media_type)) {
    const auto chosen =
        oci::select_manifest(oci::parse_index(fetched.content, reference.str()), platform);
    if (!chosen) {
      throw Error(Errc::not_found,
                  cat(reference.familiar(), ": no match for platform in manifest: ", platform.str()));
    }
    manifest = *chosen;
  }
  oci::Reference exact = reference;
  exact.digest = manifest.digest;
  const oci::Manifest parsed = oci::parse_manifest(fetch_metadata(exact, manifest), reference.str());
  remember_origin(parsed, reference, true);
  fetch_metadata(exact, parsed.config);
  return manifest;
}

std::string BaseImages::fetch_metadata(const oci::Reference& reference, const oci::Descriptor& blob) {
  if (!store_.has(blob.digest)) {
    auto writer = store_.new_blob();
    if (oci::is_manifest_type(blob.media_type)) {
      writer->write(as_bytes(registry_.fetch_manifest(reference).content));
    } else {
      if (blob.size_bytes > kMetadataLimitBytes) {
        throw Error(Errc::invalid, cat("the config of ", reference.familiar(), " is larger than ",
                                       kMetadataLimitBytes, " bytes"));
      }
      registry_.fetch_blob(reference, blob, *writer);
    }
    writer->commit(blob.digest);
  }
  return read_all(*store_.open_blob(blob.digest), kMetadataLimitBytes, blob.digest.str());
}

void BaseImages::remember_origin(const oci::Manifest& manifest, const oci::Reference& reference, bool replacing) {
  for (const oci::Descriptor& layer : manifest.layers) {
    if (store_.has(layer.digest)) continue;
    if (!replacing && store_.find_fact(kOriginFact, layer.digest.str())) continue;
    store_.put_fact(kOriginFact, layer.digest.str(), reference.str());
  }
}

oci::Descriptor BaseImages::choose_manifest(const oci::Descriptor& root, const oci::Platform& platform) {
  if (!oci::is_index_type(root.media_type)) return root;
  const oci::Index index =
      oci::parse_index(oci::read_blob(store_, root, kMetadataLimitBytes), root.digest.str());
  const auto chosen = oci::select_manifest(index, platform);
  if (!chosen) {
    throw Error(Errc::not_found,
                cat(root.digest.str(), ": no match for platform in manifest: ", platform.str()));
  }
  return *chosen;
}

oci::Descriptor BaseImages::resolve_root(const oci::Reference& reference, const oci::Platform& platform) {
  const bool local_may_answer = policy_ != PullPolicy::registry_only;
  // Prune may have taken either of the two.
  const auto read_whole = [&](const oci::Descriptor& manifest) -> std::optional<oci::Manifest> {
    if (!store_.has(manifest.digest)) return std::nullopt;
    oci::Manifest read = oci::parse_manifest(oci::read_blob(store_, manifest, kMetadataLimitBytes), reference.str());
    return store_.has(read.config.digest) ? std::optional(std::move(read)) : std::nullopt;
  };
  if (reference.digest || policy_ == PullPolicy::local_first) {
    if (const auto local = find_local(reference)) {
      const oci::Descriptor manifest = choose_manifest(*local, platform);
      if (const auto whole = read_whole(manifest)) {
        if (reference.digest) remember_origin(*whole, reference, false);  // it may have come out of a layout, gone since
        return manifest;
      }
    }
  }
  const auto local = local_may_answer ? find_local(reference) : std::nullopt;
  Activity activity(progress_, "load metadata for " + reference.str());
  try {
    const oci::Descriptor found = ask_registry(reference, platform, local ? oci::Lookup::once : oci::Lookup::again);
    activity.succeed();
    return found;
  } catch (const Error& error) {
    if (!local || !may_answer_locally(error.code())) throw;
    activity.succeed();
    // An expired login must not pass an old base off as today's.
    const bool says_nothing = error.code() == Errc::not_found || (error.code() == Errc::denied && is_hub(reference));
    if (!says_nothing) {
      progress_.notice(cat(error.code() == Errc::network ? "registry not reached (" : "registry refused (",
                           error.message(), "); using the local image ", reference.familiar(), " ", local->digest.str()));
    }
    return choose_manifest(*local, platform);
  }
}

oci::Descriptor BaseImages::take_from_layout(const std::string& text, const oci::Platform& platform) {
  const std::string path = std::filesystem::absolute(parse_layout_reference(text).path).string();
  const oci::Descriptor root = layout_root(text, store_);
  oci::Descriptor chosen = root;
  if (oci::is_index_type(root.media_type)) {
    const oci::Index index = oci::parse_index(oci::read_blob(store_, root, kMetadataLimitBytes), text);
    const auto entry = oci::select_manifest(index, platform);
    if (!entry) throw Error(Errc::not_found, cat(text, ": no match for platform in manifest: ", platform.str()));
    chosen = *entry;
    copy_from_layout(path, chosen, store_);
  }
  const oci::Manifest manifest = oci::parse_manifest(oci::read_blob(store_, chosen, kMetadataLimitBytes), text);
  copy_from_layout(path, manifest.config, store_);
  for (const oci::Descriptor& layer : manifest.layers) {
    if (!store_.has(layer.digest)) store_.put_fact(kLayoutFact, layer.digest.str(), path);
  }
  return chosen;
}

ResolvedBase BaseImages::resolve(const std::string& text, const oci::Platform& platform) {
  ResolvedBase base;
  const oci::Descriptor root = with_context([&] { return cat("resolving ", text); }, [&] {
    if (text.starts_with(kLayoutScheme)) {
      const oci::Descriptor found = take_from_layout(text, platform);
      base.resolved = cat(kLayoutScheme, parse_layout_reference(text).path, "@", found.digest);
      return found;
    }
    oci::Reference reference = oci::parse_reference(text);
    const oci::Descriptor found = resolve_root(reference, platform);
    reference.digest = found.digest;
    base.resolved = reference.str();
    return found;
  });
  const std::string manifest_json = oci::read_blob(store_, root, kMetadataLimitBytes);
  const oci::Manifest manifest = oci::parse_manifest(manifest_json, text);
  base.config = oci::parse_config(oci::read_blob(store_, manifest.config, kMetadataLimitBytes), text);
  base.layers = pair_layers(manifest, base.config, text);
  return base;
}

// Nullopt: the store has the blob (now).
std::optional<BaseImages::Download> BaseImages::begin_download(const oci::Descriptor& blob) {
  if (store_.has(blob.digest)) return std::nullopt;
  auto lock = store_.lock_step(download_key(blob.digest), {});
  if (store_.has(blob.digest)) return std::nullopt;
  const auto origin = store_.find_fact(kOriginFact, blob.digest.str());
  if (!origin) {
    const auto layout = store_.find_fact(kLayoutFact, blob.digest.str());
    throw Error(Errc::not_found, cat("layer ", blob.digest.str(), " is not in the store", layout ? cat(" and no longer in ", *layout) : "",
                                     ", and no registry is known to have it"));
  }
  return Download{std::move(lock), oci::parse_reference(*origin)};
}

void BaseImages::download(const oci::Reference& reference, const oci::Descriptor& blob, ByteSink& also) {
  Activity activity(progress_, cat("pull ", reference.familiar(), " ", blob.digest.str().substr(0, 19)));
  auto writer = store_.new_blob();
  TeeSink both(*writer, also);
  registry_.fetch_blob(reference, blob, both);
  writer->commit(blob.digest);
  activity.succeed();
}

std::unique_ptr<ByteSource> BaseImages::in_place(const oci::Descriptor& blob) {
  if (store_.has(blob.digest)) return nullptr;
  const auto look_into = [&](const std::filesystem::path& directory) -> std::unique_ptr<ByteSource> {
    try {
      return open_in_place(directory, blob);
    } catch (const Error& error) {
      const bool is_new = told_.with([&](auto& told) { return told.insert(directory.string()).second; });
      if (is_new) progress_.notice(cat("layers in ", directory.string(), " are not used: ", error.message()));
      return nullptr;
    }
  };
  for (const std::filesystem::path& directory : additional_) {
    if (auto source = look_into(directory)) return source;
  }
  const auto layout = store_.find_fact(kLayoutFact, blob.digest.str());
  return layout ? look_into(*layout) : nullptr;
}

void BaseImages::ensure_blob(const oci::Descriptor& blob) {
  if (const auto source = in_place(blob)) {
    oci::copy_blob(*source, store_, blob.digest);
    return;
  }
  NullSink nowhere;
  if (const auto begun = begin_download(blob)) download(begun->reference, blob, nowhere);
}

namespace {

// Keeps the lock of a download until its reader is done.
class LockedSource : public ByteSource {
 public:
  LockedSource(std::unique_ptr<cache::StepLock> lock, PumpedSource::Produce produce)
      : lock_(std::move(lock)), source_(std::move(produce)) {}
  std::size_t read(std::span<std::byte> into) override { return source_.read(into); }

 private:
  std::unique_ptr<cache::StepLock> lock_;
  PumpedSource source_;
};

}  // namespace

std::unique_ptr<ByteSource> BaseImages::fetch(const oci::Descriptor& blob) {
  if (auto source = in_place(blob)) return source;
  auto begun = begin_download(blob);
  if (!begun) return nullptr;
  try {
    return std::make_unique<LockedSource>(
        std::move(begun->lock),
        [this, blob, from = begun->reference](ByteSink& sink) { download(from, blob, sink); });
  } catch (const std::system_error&) {  // no thread to be had
    NullSink nowhere;
    download(begun->reference, blob, nowhere);
    return nullptr;
  }
}

void push_image(oci::Registry& registry, const oci::Reference& name, const oci::Descriptor& root, oci::BlobReader& blobs,
                cache::Store& store) {
  const auto place = [&](const oci::Descriptor& blob) { return cat(blob.digest, " ", name.registry); };
  Guarded<std::vector<oci::Descriptor>> arrived;
  const auto mount_from = [&](const oci::Descriptor& blob) -> std::optional<std::string> {
    if (blob.media_type.ends_with("json")) return std::nullopt;  // a config belongs to one image
    if (auto known = store.find_fact(kPushedFact, place(blob))) return known;
    arrived.with([&](auto& list) { list.push_back(blob); });
    const auto origin = store.find_fact(kOriginFact, blob.digest.str());
    if (!origin) return std::nullopt;
    const oci::Reference pulled = oci::parse_reference(*origin);
    return pulled.registry == name.registry ? std::optional(pulled.repository) : std::nullopt;
  };
  oci::push_image(registry, name, root, blobs, kParallelUploads, mount_from);
  arrived.with([&](const auto& list) {
    for (const oci::Descriptor& blob : list) store.put_fact(kPushedFact, place(blob), name.repository);
  });
}

FetchingBlobs::FetchingBlobs(cache::Store& store, BaseImages& bases, const std::vector<PlannedLayer>& layers)
    : store_(store), bases_(bases) {
  for (const PlannedLayer& layer : layers) {
    const oci::Descriptor& blob = layer.descriptor;
    // With urls: one that need not be distributed, and registries do without.
    if (blob.urls.empty() && !store.has(blob.digest)) elsewhere_.emplace(blob.digest, blob);
  }
}

std::unique_ptr<ByteSource> FetchingBlobs::open_blob(const oci::BlobDigest& digest) {
  const auto wanted = elsewhere_.find(digest);
  if (wanted != elsewhere_.end()) {
    if (auto source = bases_.in_place(wanted->second)) return source;
    bases_.ensure_blob(wanted->second);
  }
  return store_.open_blob(digest);
}

}  // namespace cooper::builder
