// zstd (RFC 8878) with bytes that depend on content and level only: always the library's
// multi-threaded path, with job size and window fixed here, without checksum and without content
// size.
#pragma once

#include <memory>

#include "base/byte_stream.h"

namespace cooper::layers {

constexpr int kZstdDefaultLevel = 3;
constexpr int kZstdMaxLevel = 22;

// level 0–22 (0: the default level, as the library has it).
std::unique_ptr<ByteSink> make_zstd_compressor(ByteSink& out, int level, int threads);

}  // namespace cooper::layers
