#include "oci/checksum.h"

#include <isa-l/crc64.h>

namespace cooper::oci {

void Checksum::update(Bytes bytes) {
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  value_ = crc64_ecma_refl(value_, data, bytes.size());
}

}  // namespace cooper::oci
