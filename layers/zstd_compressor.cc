#include "layers/zstd_compressor.h"

#include <zstd.h>

#include <new>
#include <vector>

#include "base/error.h"

namespace cooper::layers {
namespace {

constexpr int kJobBytes = 2 * 1024 * 1024;
constexpr int kMaxWindowLog = 23;  // 8 MiB: what every reader must take (RFC 8878, 3.1.1.1.2)

void check(std::size_t result) {
  if (ZSTD_isError(result)) throw Error(Errc::io, cat("zstd: ", ZSTD_getErrorName(result)));
}

class ZstdCompressor : public ByteSink {
 public:
  ZstdCompressor(ByteSink& out, int level, int threads)
      : out_(out), context_(ZSTD_createCCtx()), buffer_(ZSTD_CStreamOutSize()) {
    if (context_ == nullptr) throw std::bad_alloc();
    try {
      configure(level, threads);
    } catch (const Error&) {
      ZSTD_freeCCtx(context_);
      throw;
    }
  }
  ZstdCompressor(const ZstdCompressor&) = delete;
  ZstdCompressor& operator=(const ZstdCompressor&) = delete;
  ~ZstdCompressor() override { ZSTD_freeCCtx(context_); }

  void write(Bytes bytes) override {
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    while (input.pos < input.size) step(input, ZSTD_e_continue);
  }

  void finish() override {
    // The input is never given together with the end: the library would then take its size for
    // known.
    ZSTD_inBuffer none{nullptr, 0, 0};
    while (step(none, ZSTD_e_end) != 0) {
    }
    out_.finish();
  }

 private:
  void configure(int level, int threads) {
    set(ZSTD_c_compressionLevel, level);
    // Without a worker the library takes another path, with other bytes. Of several, one more than
    // asked for: while the caller, who reads and hashes, fills a job, the others have one.
    set(ZSTD_c_nbWorkers, threads > 1 ? threads + 1 : 1);
    set(ZSTD_c_jobSize, kJobBytes);
    set(ZSTD_c_checksumFlag, 0);
    set(ZSTD_c_contentSizeFlag, 0);
    // Levels from 20 on choose larger windows.
    if (level >= 20) set(ZSTD_c_windowLog, kMaxWindowLog);
  }

  void set(ZSTD_cParameter parameter, int value) {
    check(ZSTD_CCtx_setParameter(context_, parameter, value));
  }

  std::size_t step(ZSTD_inBuffer& input, ZSTD_EndDirective directive) {
    ZSTD_outBuffer output{buffer_.data(), buffer_.size(), 0};
    const std::size_t left = ZSTD_compressStream2(context_, &output, &input, directive);
    check(left);
    if (output.pos > 0) out_.write(Bytes(buffer_).first(output.pos));
    return left;
  }

  ByteSink& out_;
  ZSTD_CCtx* context_;
  std::vector<std::byte> buffer_;
};

}  // namespace

std::unique_ptr<ByteSink> make_zstd_compressor(ByteSink& out, int level, int threads) {
  return std::make_unique<ZstdCompressor>(out, level, threads);
}

}  // namespace cooper::layers
