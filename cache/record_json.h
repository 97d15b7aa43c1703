// Descriptors and layer records as JSON text in database rows. Member names are those of image-spec
// descriptor.md; a layer record adds "diffID". Parsing throws Error(corrupt).
#pragma once

#include <string>
#include <string_view>

#include "cache/store.h"
#include "oci/descriptor.h"

namespace cooper::cache {

std::string to_text(const oci::Descriptor& descriptor);
oci::Descriptor parse_descriptor(std::string_view text);
std::string to_text(const LayerRecord& layer);
LayerRecord parse_layer(std::string_view text);

}  // namespace cooper::cache
