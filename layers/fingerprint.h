// What tells within one process whether a second reading of a file gave the bytes of the first, in
// a tenth of a digest's time (XXH3, 64 bits). Its key is drawn by each process and shown to nobody:
// whoever changes a file between the readings cannot choose other bytes of the same fingerprint.
// Never stored, and no name of anything.
#pragma once

#include <array>
#include <cstdint>

#include "base/byte_stream.h"

namespace cooper::layers {

struct Fingerprint {
  std::uint64_t value = 0;  // 0: none was taken
  explicit operator bool() const noexcept { return value != 0; }
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

class Fingerprinter {
 public:
  Fingerprinter();
  void update(Bytes bytes);
  Fingerprint finish() const;  // of all so far

 private:
  alignas(64) std::array<std::byte, 576> state_;  // xxhash's XXH3_state_t
};

}  // namespace cooper::layers
