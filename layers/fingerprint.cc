#include "layers/fingerprint.h"

// For the size of its state.
#define XXH_STATIC_LINKING_ONLY
#include <sys/random.h>
#include <xxhash.h>

#include <new>

#include "base/error.h"

namespace cooper::layers {
namespace {

using Key = std::array<unsigned char, XXH3_SECRET_SIZE_MIN>;

Key draw_key() {
  Key key;
  // Of so few bytes getrandom(2) gives all or, before the kernel has any, waits.
  if (::getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) {
    throw_errno("drawing", "random bytes");
  }
  return key;
}

const Key& key_of_this_process() {
  static const Key key = draw_key();
  return key;
}

XXH3_state_t* as_state(std::array<std::byte, 576>& bytes) {
  return reinterpret_cast<XXH3_state_t*>(bytes.data());
}

const XXH3_state_t* as_state(const std::array<std::byte, 576>& bytes) {
  return reinterpret_cast<const XXH3_state_t*>(bytes.data());
}

}  // namespace

static_assert(sizeof(XXH3_state_t) == 576 && alignof(XXH3_state_t) == 64);

Fingerprinter::Fingerprinter() {
  const Key& key = key_of_this_process();
  new (state_.data()) XXH3_state_t;
  XXH3_64bits_reset_withSecret(as_state(state_), key.data(), key.size());
}

void Fingerprinter::update(Bytes bytes) {
  XXH3_64bits_update(as_state(state_), bytes.data(), bytes.size());
}

Fingerprint Fingerprinter::finish() const {
  const std::uint64_t value = XXH3_64bits_digest(as_state(state_));
  return {value == 0 ? 1 : value};
}

}  // namespace cooper::layers
