#include <zstd.h>

#include <new>

#include "base/error.h"
#include "layers/compression_input.h"

namespace cooper::layers {
namespace {

constexpr int kMaxWindowLog = 27;  // 128 MiB: libzstd's own default bound, so memory stays bounded

class ZstdReader : public ByteSource {
 public:
  explicit ZstdReader(CompressedInput input)
      : input_(std::move(input)), context_(ZSTD_createDCtx()) {
    if (context_ == nullptr) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kMaxWindowLog);
  }
  ZstdReader(const ZstdReader&) = delete;
  ZstdReader& operator=(const ZstdReader&) = delete;
  ~ZstdReader() override { ZSTD_freeDCtx(context_); }

  std::size_t read(std::span<std::byte> into) override {
    ZSTD_outBuffer output{into.data(), into.size(), 0};
    while (output.pos == 0) {
      const Bytes have = input_.available();
      if (have.empty() && frame_done_) return 0;
      ZSTD_inBuffer source{have.data(), have.size(), 0};
      const std::size_t left = ZSTD_decompressStream(context_, &output, &source);
      if (ZSTD_isError(left)) input_.damaged(cat("damaged zstd data: ", ZSTD_getErrorName(left)));
      input_.consume(source.pos);
      if (have.empty() && output.pos == 0) input_.damaged("truncated zstd data");
      frame_done_ = left == 0;
    }
    return output.pos;
  }

 private:
  CompressedInput input_;
  ZSTD_DCtx* context_;
  bool frame_done_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> make_zstd_reader(CompressedInput input) {
  return std::make_unique<ZstdReader>(std::move(input));
}

}  // namespace cooper::layers
