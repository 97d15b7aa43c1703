#include "layers/compression.h"

#include "base/error.h"
#include "layers/gzip_compressor.h"
#include "layers/zstd_compressor.h"
#include "oci/descriptor.h"

namespace cooper::layers {
namespace {

class PassThrough : public ByteSink {
 public:
  explicit PassThrough(ByteSink& out) : out_(out) {}
  void write(Bytes bytes) override { out_.write(bytes); }
  void finish() override { out_.finish(); }

 private:
  ByteSink& out_;
};

int checked_level(std::string_view name, int level, int fallback, int highest) {
  if (level == -1) return fallback;
  if (level < 0 || level > highest) {
    throw Error(Errc::invalid,
                cat(name, " compression level must be 0 to ", highest, ", not ", level));
  }
  return level;
}

}  // namespace

std::string_view layer_media_type(Compression kind) {
  switch (kind) {
    case Compression::none:
      return oci::kLayerTarType;
    case Compression::gzip:
      return oci::kLayerGzipType;
    case Compression::zstd:
      return oci::kLayerZstdType;
  }
  throw Error(Errc::invalid, "unknown compression");
}

std::unique_ptr<ByteSink> make_compressor(ByteSink& out, const CompressionSpec& spec) {
  switch (spec.kind) {
    case Compression::none:
      return std::make_unique<PassThrough>(out);
    case Compression::gzip:
      return make_gzip_compressor(out, checked_level("gzip", spec.level, kGzipDefaultLevel, 9),
                                  spec.threads);
    case Compression::zstd:
      return make_zstd_compressor(
          out, checked_level("zstd", spec.level, kZstdDefaultLevel, kZstdMaxLevel), spec.threads);
  }
  throw Error(Errc::invalid, "unknown compression");
}

}  // namespace cooper::layers
