// gzip by ISA-L, whose inflate is several times zlib's speed. Each member's CRC-32 and size are
// checked.

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <limits>

#include "layers/compression_input.h"

namespace cooper::layers {
namespace {

class GzipReader : public ByteSource {
 public:
  explicit GzipReader(CompressedInput input)
      : input_(std::move(input)), state_(std::make_unique<inflate_state>()) {
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;
  }

  std::size_t read(std::span<std::byte> into) override {
    if (ended_) return 0;
    state_->next_out = reinterpret_cast<std::uint8_t*>(into.data());
    state_->avail_out = static_cast<std::uint32_t>(
        std::min<std::size_t>(into.size(), std::numeric_limits<std::uint32_t>::max()));
    const std::uint32_t room = state_->avail_out;
    while (state_->avail_out == room) {
      if (state_->block_state == ISAL_BLOCK_FINISH && !start_next_member()) break;
      inflate_some();
    }
    return room - state_->avail_out;
  }

 private:
  void inflate_some() {
    const Bytes have = input_.available();
    // Output may still be waiting inside after the last input; only no progress at all is
    // truncation.
    const std::uint32_t room = state_->avail_out;
    state_->next_in = reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(have.data()));
    state_->avail_in = static_cast<std::uint32_t>(have.size());
    const int result = isal_inflate(state_.get());
    if (result == ISAL_INCORRECT_CHECKSUM) input_.damaged("gzip checksum or size does not match");
    if (result < 0) input_.damaged("damaged gzip data");
    const std::size_t taken = have.size() - state_->avail_in;
    input_.consume(taken);
    const bool finished = state_->block_state == ISAL_BLOCK_FINISH;
    if (taken == 0 && state_->avail_out == room && !finished) {
      input_.damaged(have.empty() ? "truncated gzip data" : "damaged gzip data");
    }
  }

  // After a member's trailer: another member, or padding with zeros, or nothing.
  bool start_next_member() {
    Bytes have = input_.available();
    if (!have.empty() && have[0] == std::byte{0x1f}) {
      isal_inflate_reset(state_.get());
      state_->crc_flag = ISAL_GZIP;
      return true;
    }
    for (; !have.empty(); have = input_.available()) {
      const bool zeros =
          std::all_of(have.begin(), have.end(), [](std::byte b) { return b == std::byte{0}; });
      if (!zeros) input_.damaged("garbage after the gzip data");
      input_.consume(have.size());
    }
    ended_ = true;
    return false;
  }

  CompressedInput input_;
  std::unique_ptr<inflate_state> state_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> make_gzip_reader(CompressedInput input) {
  return std::make_unique<GzipReader>(std::move(input));
}

}  // namespace cooper::layers
