// Image references as the field normalises them: "busybox" is docker.io/library/busybox:latest.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "oci/digest.h"

namespace cooper::oci {

// The registry of references that name none.
inline constexpr std::string_view kDockerHub = "docker.io";

struct Reference {
  std::string registry;    // "docker.io", "localhost:5000"
  std::string repository;  // "library/busybox"
  std::string tag;         // "" only when a digest is given without one
  std::optional<BlobDigest> digest;

  std::string name() const { return registry + "/" + repository; }
  std::string str() const;       // "docker.io/library/busybox:latest"
  std::string familiar() const;  // "busybox:latest" (CTX-10)
  friend auto operator<=>(const Reference&, const Reference&) = default;
};

// Error(invalid) "invalid reference format: …" (rules of distribution/reference: lower-case
// repository, tag of [\w][\w.-]{0,127}, total length). No tag and no digest means latest.
Reference parse_reference(std::string_view text);

}  // namespace cooper::oci
