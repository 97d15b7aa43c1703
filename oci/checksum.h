// CRC-32 of bytes that this process has hashed already. It tells damage that came later (a write
// that the disk lost, a changed byte) in a tenth of a digest's time, but is no proof against
// whoever can choose the bytes.
#pragma once

#include <cstdint>

#include "base/byte_stream.h"

namespace cooper::oci {

class Checksum {
 public:
  void update(Bytes bytes);
  friend bool operator==(const Checksum&, const Checksum&) = default;

 private:
  std::uint32_t value_ = 0;
};

}  // namespace cooper::oci
