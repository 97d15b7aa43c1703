// From a reference to one image: index, manifest, configuration.
#include "base/error.h"
#include "oci/registry.h"

namespace cooper::oci {
namespace {

constexpr int kMaxIndexDepth = 4;  // an index may name an index
constexpr std::uint64_t kMaxConfigBytes = 16 * 1024 * 1024;

bool is_attestation(const Platform& platform) {
  return platform.os == "unknown" || platform.architecture == "unknown";
}

Reference by_digest(const Reference& reference, const BlobDigest& digest) {
  return {reference.registry, reference.repository, "", digest};
}

// Some tools name no better type for a configuration.
bool may_be_config(const std::string& media_type) {
  return media_type == kConfigType || media_type == kDockerConfigType || media_type.empty() ||
         media_type == "application/octet-stream" || media_type == "text/plain";
}

std::string fetch_config(Registry& registry, const Reference& reference, const Descriptor& config) {
  if (!may_be_config(config.media_type)) {
    throw Error(Errc::unsupported,
                cat(reference.str(), " is not a container image: its configuration is of type ",
                    config.media_type));
  }
  if (config.size_bytes > kMaxConfigBytes) {
    throw Error(Errc::corrupt, cat("the configuration of ", reference.str(), " is ",
                                   config.size_bytes, " bytes long"));
  }
  StringSink text;
  DigestSink verified(text);
  registry.fetch_blob(reference, config, verified);
  const BlobDigest actual{verified.digest()};
  if (actual != config.digest) {
    throw Error(Errc::corrupt, cat("the configuration of ", reference.str(), " arrived as ", actual,
                                   " instead of ", config.digest));
  }
  return std::move(text.text);
}

}  // namespace

std::optional<Descriptor> select_manifest(const Index& index, const Platform& platform) {
  const Descriptor* best = nullptr;
  int best_score = 0;
  const Descriptor* unnamed = nullptr;  // serves when nothing says its platform
  for (const Descriptor& entry : index.manifests) {
    if (!is_manifest_type(entry.media_type) && !is_index_type(entry.media_type)) continue;
    if (!entry.platform) {
      if (unnamed == nullptr) unnamed = &entry;
      continue;
    }
    if (is_attestation(*entry.platform)) continue;
    const int score = match_score(platform, normalize(*entry.platform));
    if (score <= best_score) continue;  // of equals, the first
    best_score = score;
    best = &entry;
  }
  if (best == nullptr) best = unnamed;
  if (best == nullptr) return std::nullopt;
  return *best;
}

ResolvedImage resolve_image(Registry& registry, const Reference& reference,
                            const Platform& platform) {
  FetchedManifest fetched = registry.fetch_manifest(reference);
  for (int depth = 0; is_index_type(fetched.descriptor.media_type); ++depth) {
    const Index index = parse_index(fetched.content, reference.str());
    const std::optional<Descriptor> chosen = select_manifest(index, platform);
    if (!chosen || depth == kMaxIndexDepth) {
      throw Error(Errc::not_found,
                  cat(reference.str(), ": no match for platform in manifest: ", platform.str()));
    }
    fetched = registry.fetch_manifest(by_digest(reference, chosen->digest));
    fetched.descriptor.platform = chosen->platform;
  }
  if (!is_manifest_type(fetched.descriptor.media_type)) {
    throw Error(Errc::unsupported, cat(reference.str(), " is not an image: its type is \"",
                                       fetched.descriptor.media_type, "\""));
  }
  ResolvedImage image;
  image.manifest_descriptor = fetched.descriptor;
  image.manifest_json = std::move(fetched.content);
  image.manifest = parse_manifest(image.manifest_json, reference.str());
  image.config_json = fetch_config(registry, reference, image.manifest.config);
  image.config = parse_config(image.config_json, reference.str());
  return image;
}

}  // namespace cooper::oci
