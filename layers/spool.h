// Bytes that come in one order and are wanted in another: the files of an archive that is unpacked
// into a sorted layer. Small amounts stay in memory, the rest goes to an unnamed file. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/byte_stream.h"
#include "base/dir.h"

namespace cooper::layers {

inline constexpr std::size_t kSpoolMemoryBytes = 8 << 20;

class Spool {
 public:
  // directory: where the file is made once it is needed, borrowed; null: $TMPDIR or /tmp.
  explicit Spool(const Dir* directory, std::size_t memory_bytes = kSpoolMemoryBytes)
      : directory_(directory), memory_bytes_(memory_bytes) {}

  struct Stretch {
    std::uint64_t offset = 0;
    std::uint64_t size_bytes = 0;
  };
  Stretch append(ByteSource& source);
  // Valid as long as the spool.
  std::unique_ptr<ByteSource> open(const Stretch& stretch) const;

 private:
  void write(Bytes bytes);
  void start_file();

  const Dir* directory_;
  std::size_t memory_bytes_;
  std::string memory_;  // everything, until there is a file
  UniqueFd file_;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace cooper::layers
