// Sources whose bytes are made on a thread of their own, a little ahead of who reads them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "base/byte_stream.h"

namespace cooper {

// What `produce` writes. The end is seen once it has returned; what it throws, read() throws, after
// the bytes before it. Holds at most kAheadBytes.
class PumpedSource : public ByteSource {
 public:
  static constexpr std::size_t kAheadBytes = 2UL * 1024 * 1024;
  // Called once, on the other thread, with a sink that is its own as long as it runs and whose
  // write() throws Error(cancelled) when nobody reads any more.
  using Produce = std::function<void(ByteSink&)>;

  // std::system_error where no thread can be had: produce was not called then.
  explicit PumpedSource(Produce produce);
  // Waits for the other thread.
  ~PumpedSource() override;
  std::size_t read(std::span<std::byte> into) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// `source` read ahead. The thread starts once there is more than a little to read; where none can
// be had the bytes come without.
std::unique_ptr<ByteSource> read_ahead(std::unique_ptr<ByteSource> source);

}  // namespace cooper
