#include "oci/descriptor.h"

namespace cooper::oci {

bool is_manifest_type(std::string_view media_type) {
  return media_type == kManifestType || media_type == kDockerManifestType;
}

bool is_index_type(std::string_view media_type) {
  return media_type == kIndexType || media_type == kDockerListType;
}

}  // namespace cooper::oci
