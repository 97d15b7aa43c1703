// What writers and readers of layouts and archives share. Private to oci.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cooper::oci {

// image-spec annotations.md, "Pre-Defined Annotation Keys"; the image name is containerd's
// (OUT-13).
inline constexpr std::string_view kRefNameAnnotation = "org.opencontainers.image.ref.name";
inline constexpr std::string_view kCreatedAnnotation = "org.opencontainers.image.created";
inline constexpr std::string_view kImageNameAnnotation = "io.containerd.image.name";

inline constexpr std::string_view kLayoutContent = R"({"imageLayoutVersion":"1.0.0"})";

// Registries refuse larger manifests (distribution-spec, "Pushing Manifests"); configs have no such
// rule.
constexpr std::size_t kMaxManifestBytes = 4 << 20;
constexpr std::size_t kMaxConfigBytes = 64 << 20;

// Error(corrupt) or Error(unsupported) naming `name` unless json is an oci-layout file we
// understand.
void check_layout_file(std::string_view json, const std::string& name);

}  // namespace cooper::oci
