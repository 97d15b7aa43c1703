// Parallel gzip (RFC 1952) with bytes that depend on nothing but content and level: fixed chunks,
// each its own member, compressed by libdeflate in any order and written in order.
#pragma once

#include <memory>

#include "base/byte_stream.h"

namespace cooper::layers {

// Larger chunks save less than 0.1 % (a lost 32 KiB window each) and cost memory per thread.
constexpr std::size_t kGzipChunkBytes = 1024 * 1024;
// Within half a percent of the size of zlib -6 on a distribution's files, at six times its speed (5: 2 % smaller, a tenth
// to a quarter slower).
constexpr int kGzipDefaultLevel = 4;

// level 0–9. Memory: 2 * threads chunks and their compressed forms.
std::unique_ptr<ByteSink> make_gzip_compressor(ByteSink& out, int level, int threads);

}  // namespace cooper::layers
