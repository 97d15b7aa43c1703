#include "oci/checksum.h"

#include <libdeflate.h>

namespace cooper::oci {

void Checksum::update(Bytes bytes) {
  value_ = libdeflate_crc32(value_, bytes.data(), bytes.size());
}

}  // namespace cooper::oci
