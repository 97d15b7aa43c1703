#include "layers/gzip_compressor.h"

#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "base/error.h"

namespace cooper::layers {
namespace {

using Buffer = std::vector<std::byte>;

// RFC 1952, 2.3: no name, no time, no extra flags, operating system unknown: the same for every
// level.
constexpr std::array<unsigned char, 10> kMemberHeader = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
constexpr std::size_t kTrailerBytes = 8;

void put_le32(std::byte* at, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<std::byte>(value >> (8 * i));
}

// One libdeflate compressor; each thread has its own.
class MemberCompressor {
 public:
  explicit MemberCompressor(int level) : compressor_(libdeflate_alloc_compressor(level)) {
    if (compressor_ == nullptr) throw std::bad_alloc();
  }
  MemberCompressor(const MemberCompressor&) = delete;
  MemberCompressor& operator=(const MemberCompressor&) = delete;
  ~MemberCompressor() { libdeflate_free_compressor(compressor_); }

  // The member is in the first bytes of `output`, which does not shrink: what it is made larger by
  // is filled with zeros each time. Returns the member's size.
  std::size_t compress(const Buffer& input, Buffer& output) {
    const std::size_t bound = kMemberHeader.size() + kTrailerBytes +
                              libdeflate_deflate_compress_bound(compressor_, input.size());
    if (output.size() < bound) output.resize(bound);
    std::memcpy(output.data(), kMemberHeader.data(), kMemberHeader.size());
    const std::size_t room = output.size() - kMemberHeader.size() - kTrailerBytes;
    const std::size_t size = libdeflate_deflate_compress(
        compressor_, input.data(), input.size(), output.data() + kMemberHeader.size(), room);
    if (size == 0) throw Error(Errc::io, "libdeflate cannot compress a chunk");
    std::byte* trailer = output.data() + kMemberHeader.size() + size;
    put_le32(trailer, libdeflate_crc32(0, input.data(), input.size()));
    put_le32(trailer + 4, static_cast<std::uint32_t>(input.size()));
    return kMemberHeader.size() + size + kTrailerBytes;
  }

 private:
  libdeflate_compressor* compressor_;
};

class GzipCompressor : public ByteSink {
 public:
  GzipCompressor(ByteSink& out, int level, int threads)
      : out_(out), level_(level), threads_wanted_(static_cast<std::size_t>(std::max(threads, 1))) {}
  ~GzipCompressor() override { stop(); }

  void write(Bytes bytes) override {
    while (!bytes.empty()) {
      if (current_.size() == kGzipChunkBytes) submit();
      if (current_.capacity() == 0 && any_) current_.reserve(kGzipChunkBytes);
      const std::size_t part = std::min(bytes.size(), kGzipChunkBytes - current_.size());
      current_.insert(current_.end(), bytes.begin(),
                      bytes.begin() + static_cast<std::ptrdiff_t>(part));
      bytes = bytes.subspan(part);
    }
  }

  void finish() override {
    // An empty stream, too, is one member.
    if (!current_.empty() || !any_) {
      if (threads_.empty()) {
        Buffer output;
        const std::size_t size = MemberCompressor(level_).compress(current_, output);
        out_.write(Bytes(output).first(size));
      } else {
        submit();
      }
    }
    while (!ordered_.empty()) write_front();
    stop();
    out_.finish();
  }

 private:
  struct Job {
    Buffer input;
    Buffer output;
    std::size_t output_bytes = 0;  // of it, the member
    bool done = false;
    std::exception_ptr failure;
  };

  // Hands the current chunk to the threads; only here, so that a small layer starts none.
  void submit() {
    any_ = true;
    if (threads_.empty()) start();
    while (ordered_.size() >= 2 * threads_wanted_) write_front();
    auto job = std::make_unique<Job>();
    if (!spare_.empty()) {
      job = std::move(spare_.back());
      spare_.pop_back();
      job->done = false;
    }
    std::swap(job->input, current_);
    current_.clear();
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(job.get());
    }
    work_.notify_one();
    ordered_.push_back(std::move(job));
  }

  void write_front() {
    std::unique_ptr<Job> job = std::move(ordered_.front());
    {
      std::unique_lock lock(mutex_);
      finished_.wait(lock, [&] { return job->done; });
    }
    ordered_.pop_front();
    if (job->failure) std::rethrow_exception(job->failure);
    out_.write(Bytes(job->output).first(job->output_bytes));
    spare_.push_back(std::move(job));
  }

  void start() {
    try {
      for (std::size_t i = 0; i < threads_wanted_; ++i) threads_.emplace_back([this] { run(); });
    } catch (const std::system_error&) {
      if (threads_.empty()) throw;  // fewer will do: the bytes are the same
    }
  }

  void run() {
    std::unique_ptr<MemberCompressor> compressor;
    for (;;) {
      Job* job = nullptr;
      {
        std::unique_lock lock(mutex_);
        work_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
        if (stopping_) return;
        job = waiting_.front();
        waiting_.pop_front();
      }
      std::exception_ptr failure;
      try {
        if (!compressor) compressor = std::make_unique<MemberCompressor>(level_);
        job->output_bytes = compressor->compress(job->input, job->output);
      } catch (...) {  // carried to the thread that writes
        failure = std::current_exception();
      }
      {
        const std::lock_guard lock(mutex_);
        job->failure = failure;
        job->done = true;
      }
      finished_.notify_one();
    }
  }

  void stop() noexcept {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    work_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  ByteSink& out_;
  const int level_;
  const std::size_t threads_wanted_;
  Buffer current_;
  bool any_ = false;                          // a chunk was handed to the threads
  std::deque<std::unique_ptr<Job>> ordered_;  // the writing thread's own
  std::vector<std::unique_ptr<Job>> spare_;
  std::mutex mutex_;  // guards waiting_, stopping_, and every Job's done and failure
  std::condition_variable work_;
  std::condition_variable finished_;
  std::deque<Job*> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<ByteSink> make_gzip_compressor(ByteSink& out, int level, int threads) {
  return std::make_unique<GzipCompressor>(out, level, threads);
}

}  // namespace cooper::layers
