#include "base/pumped_source.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"

namespace cooper {
namespace {

constexpr std::size_t kChunkBytes = 256UL * 1024;
constexpr std::size_t kMaxChunks = PumpedSource::kAheadBytes / kChunkBytes;
constexpr std::size_t kInlineBytes = 512UL * 1024;

}  // namespace

struct PumpedSource::State : public ByteSink {
  // Of the producer.
  void run(const Produce& produce) {
    std::exception_ptr thrown;
    try {
      produce(*this);
    } catch (...) {  // carried to the reader
      thrown = std::current_exception();
    }
    const std::lock_guard lock(mutex);
    if (!filling.empty()) full.push_back(std::move(filling));
    failure = thrown;
    ended = true;
    changed.notify_all();
  }

  void write(Bytes bytes) override {
    while (!bytes.empty()) {
      if (filling.capacity() == 0) take_free_chunk();
      const Bytes part = bytes.first(std::min(bytes.size(), kChunkBytes - filling.size()));
      filling.insert(filling.end(), part.begin(), part.end());
      bytes = bytes.subspan(part.size());
      if (filling.size() == kChunkBytes) hand_over();
    }
  }

  void take_free_chunk() {
    const std::lock_guard lock(mutex);
    if (free.empty()) {
      filling.reserve(kChunkBytes);
    } else {
      filling = std::move(free.back());
      free.pop_back();
    }
  }

  void hand_over() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return abandoned || full.size() < kMaxChunks; });
    if (abandoned) throw Error(Errc::cancelled, "nobody reads any more");
    full.push_back(std::exchange(filling, {}));
    changed.notify_all();
  }

  // Of the reader: whether there is a chunk to read from.
  bool next_chunk() {
    std::unique_lock lock(mutex);
    if (current.capacity() != 0) {
      current.clear();
      free.push_back(std::exchange(current, {}));
      at = 0;
    }
    changed.wait(lock, [this] { return ended || !full.empty(); });
    if (!full.empty()) {
      current = std::move(full.front());
      full.pop_front();
      changed.notify_all();
      return true;
    }
    if (failure) std::rethrow_exception(failure);
    return false;
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::vector<std::byte>> full;
  std::vector<std::vector<std::byte>> free;
  std::exception_ptr failure;
  bool ended = false;
  bool abandoned = false;

  std::vector<std::byte> filling;  // the producer's
  std::vector<std::byte> current;  // the reader's
  std::size_t at = 0;

  std::jthread thread;  // last: it ends first
};

PumpedSource::PumpedSource(Produce produce) : state_(std::make_unique<State>()) {
  state_->thread =
      std::jthread([state = state_.get(), produce = std::move(produce)] { state->run(produce); });
}

PumpedSource::~PumpedSource() {
  const std::lock_guard lock(state_->mutex);
  state_->abandoned = true;
  state_->changed.notify_all();
}

std::size_t PumpedSource::read(std::span<std::byte> into) {
  State& state = *state_;
  if (state.at == state.current.size() && !state.next_chunk()) return 0;
  const Bytes part = Bytes(state.current)
                         .subspan(state.at)
                         .first(std::min(into.size(), state.current.size() - state.at));
  std::copy(part.begin(), part.end(), into.begin());
  state.at += part.size();
  return part.size();
}

namespace {

class AheadSource : public ByteSource {
 public:
  explicit AheadSource(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  std::size_t read(std::span<std::byte> into) override {
    if (pumped_) return pumped_->read(into);
    if (inline_bytes_ >= kInlineBytes && !alone_) {
      try {
        pumped_ =
            std::make_unique<PumpedSource>([this](ByteSink& sink) { copy_all(*source_, sink); });
        return pumped_->read(into);
      } catch (const std::system_error&) {
        alone_ = true;  // no more threads to be had
      }
    }
    const std::size_t got = source_->read(into);
    inline_bytes_ += got;
    return got;
  }

 private:
  std::unique_ptr<ByteSource> source_;
  std::size_t inline_bytes_ = 0;
  bool alone_ = false;
  std::unique_ptr<PumpedSource> pumped_;  // last: it ends before the source
};

}  // namespace

std::unique_ptr<ByteSource> read_ahead(std::unique_ptr<ByteSource> source) {
  return std::make_unique<AheadSource>(std::move(source));
}

}  // namespace cooper
