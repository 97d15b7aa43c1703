// zstd (RFC 8878) with bytes that depend on content and level only: always the library's
// multi-threaded path, with job size and window fixed here, without checksum and without content
// size.
#pragma once

#include <memory>

#include "base/byte_stream.h"

namespace cooper::layers {

// On the files of a distribution 5 % larger than the library's 3, in three quarters of its time,
// and about the size of our gzip in a third of that.
constexpr int kZstdDefaultLevel = 2;
constexpr int kZstdMaxLevel = 22;

// level 0–22 (0: the library's own default, 3).
std::unique_ptr<ByteSink> make_zstd_compressor(ByteSink& out, int level, int threads);

}  // namespace cooper::layers
