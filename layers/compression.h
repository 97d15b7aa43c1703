// Compressors whose bytes depend on neither thread count nor processor, and a decompressor that
// looks at the content.
//
// gzip is libdeflate over fixed chunks, each its own gzip member (RFC 1952 allows several; every
// reader of the field accepts them), compressed in parallel and written in order. zstd fixes its
// job size and window.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/byte_stream.h"

namespace cooper::layers {

enum class Compression { none, gzip, zstd };

struct CompressionSpec {
  Compression kind = Compression::gzip;
  int level = -1;   // -1: the default; gzip 0–9, zstd 0–22, else Error(invalid) (OUT-07)
  int threads = 2;  // never changes the bytes
};

std::string_view layer_media_type(Compression kind);  // OCI spelling

// Threads start only once there is more than one chunk to do. finish() writes the tail and passes
// on.
std::unique_ptr<ByteSink> make_compressor(ByteSink& out, const CompressionSpec& spec);

// Plain, gzip, bzip2, xz or zstd by magic number; anything unknown passes through unchanged.
// Damage is Error(corrupt) naming `what`.
std::unique_ptr<ByteSource> make_decompressor(std::unique_ptr<ByteSource> compressed,
                                              std::string what);

}  // namespace cooper::layers
