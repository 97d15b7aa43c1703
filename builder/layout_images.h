// Images out of OCI layouts on this machine, named "oci-layout://PATH[:TAG][@DIGEST]" (CTX-08). Read in place: what is
// needed of them is copied into the store, verified.
#pragma once

#include <optional>
#include <string>

#include "cache/store.h"
#include "oci/descriptor.h"

namespace cooper::builder {

inline constexpr std::string_view kLayoutScheme = "oci-layout://";

struct LayoutReference {
  std::string path;
  std::string tag;  // "" when none is written
  std::optional<oci::BlobDigest> digest;
};
LayoutReference parse_layout_reference(const std::string& text);

// The manifest or index that is meant, its bytes in the store: by digest, by tag, or because there is one only. Else
// Error(not_found) "has no digest".
oci::Descriptor layout_root(const std::string& text, cache::Store& store);
// One blob of the layout at `path`.
void copy_from_layout(const std::string& path, const oci::Descriptor& blob, cache::Store& store);

}  // namespace cooper::builder
