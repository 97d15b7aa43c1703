// Descriptors and media types (image-spec descriptor.md, media-types.md; Docker's v2s2 spellings).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/digest.h"
#include "oci/platform.h"

namespace cooper::oci {

inline constexpr std::string_view kManifestType = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kIndexType = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kConfigType = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kLayerTarType = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kLayerGzipType = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kLayerZstdType = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view kDockerManifestType =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerListType =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerConfigType =
    "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerLayerGzipType =
    "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr std::string_view kDockerLayerTarType =
    "application/vnd.docker.image.rootfs.diff.tar";

bool is_manifest_type(std::string_view media_type);  // either spelling
bool is_index_type(std::string_view media_type);

using Annotations = std::map<std::string, std::string>;

struct Descriptor {
  std::string media_type;
  BlobDigest digest;
  std::uint64_t size_bytes = 0;
  std::optional<Platform> platform;  // index entries only
  Annotations annotations;
  std::vector<std::string> urls;  // foreign layers
  std::string artifact_type;
  friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

}  // namespace cooper::oci
