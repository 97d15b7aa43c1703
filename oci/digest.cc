#include "oci/digest.h"

// The functions of SHA-256 alone. EVP's would be the newer ones, but they bring the providers with
// them, every algorithm and certificate form of OpenSSL: 400 KiB of tables for the loader to
// relocate, page by page, at each start, and a configuration file to read: a third of the start of
// the program.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <stdexcept>
#include <utility>

#include "base/error.h"

namespace cooper::oci {
namespace {

static_assert(sizeof(SHA256_CTX) == sizeof(std::array<std::byte, 112>) && alignof(SHA256_CTX) <= 8);
SHA256_CTX* context(std::span<std::byte> state) {
  return reinterpret_cast<SHA256_CTX*>(state.data());
}

[[noreturn]] void hashing_failed() {
  throw Error(Errc::io, "OpenSSL failed to compute a SHA-256");
}

std::optional<std::uint8_t> nibble(char digit) noexcept {
  if (digit >= '0' && digit <= '9') return static_cast<std::uint8_t>(digit - '0');
  if (digit >= 'a' && digit <= 'f') return static_cast<std::uint8_t>(digit - 'a' + 10);
  return std::nullopt;
}

bool is_alnum(char byte) noexcept {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9');
}

// image-spec descriptor.md, "Digests": component[separator component]* with separators + . _ -
bool is_algorithm(std::string_view text) noexcept {
  bool after_separator = true;
  for (const char byte : text) {
    const bool separator = byte == '+' || byte == '.' || byte == '_' || byte == '-';
    if (separator ? after_separator : !is_alnum(byte)) return false;
    after_separator = separator;
  }
  return !after_separator;
}

bool is_encoded(std::string_view text) noexcept {
  for (const char byte : text) {
    if (!is_alnum(byte) && byte != '=' && byte != '_' && byte != '-') return false;
  }
  return !text.empty();
}

}  // namespace

Digest Digest::parse(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  if (text.starts_with(kPrefix)) return from_hex(text.substr(kPrefix.size()));
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && is_algorithm(text.substr(0, colon)) &&
      is_encoded(text.substr(colon + 1))) {
    throw Error(Errc::unsupported,
                cat("digest algorithm ", text.substr(0, colon), " is not supported, only sha256"));
  }
  throw Error(Errc::invalid, cat("invalid digest \"", text, "\", expected sha256:<64 hex digits>"));
}

Digest Digest::from_hex(std::string_view hex) {
  Digest digest;
  bool good = hex.size() == 2 * digest.bytes.size();
  for (std::size_t i = 0; good && i < digest.bytes.size(); ++i) {
    const auto high = nibble(hex[2 * i]);
    const auto low = nibble(hex[2 * i + 1]);
    good = high && low;
    if (good) digest.bytes[i] = static_cast<std::uint8_t>((*high << 4) | *low);
  }
  if (!good) {
    throw Error(Errc::invalid,
                cat("invalid sha256 digest \"", hex, "\", expected 64 lower-case hex digits"));
  }
  return digest;
}

std::string Digest::hex() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

Sha256::Sha256() {
  if (SHA256_Init(context(state_)) != 1) hashing_failed();
}

void Sha256::update(Bytes bytes) {
  if (finished_) throw std::logic_error("Sha256::update after finish");
  if (SHA256_Update(context(state_), bytes.data(), bytes.size()) != 1) hashing_failed();
}

Digest Sha256::finish() {
  if (std::exchange(finished_, true)) throw std::logic_error("Sha256::finish called twice");
  Digest digest;
  if (SHA256_Final(digest.bytes.data(), context(state_)) != 1) hashing_failed();
  return digest;
}

Digest sha256(Bytes bytes) {
  Sha256 hasher;
  hasher.update(bytes);
  return hasher.finish();
}

Digest hmac_sha256(std::string_view key, std::string_view text) {
  std::array<std::uint8_t, SHA256_CBLOCK> block{};
  if (key.size() <= block.size()) {
    std::copy(key.begin(), key.end(), block.begin());
  } else {
    std::ranges::copy(sha256(key).bytes, block.begin());
  }
  const auto keyed = [&](std::uint8_t pad, Bytes message) {
    auto padded = block;
    for (std::uint8_t& byte : padded) byte ^= pad;
    Sha256 hasher;
    hasher.update(std::as_bytes(std::span(padded)));
    hasher.update(message);
    return hasher.finish();
  };
  const Digest inner = keyed(0x36, as_bytes(text));
  return keyed(0x5c, std::as_bytes(std::span(inner.bytes)));
}

VerifyingSource::VerifyingSource(std::unique_ptr<ByteSource> source, Digest expected,
                                 std::optional<std::uint64_t> size_bytes, std::string what)
    : source_(std::move(source)),
      expected_(expected),
      expected_size_(size_bytes),
      what_(std::move(what)) {}

VerifyingSource::VerifyingSource(std::unique_ptr<ByteSource> source, Checksum expected,
                                 std::optional<std::uint64_t> size_bytes, std::string what)
    : source_(std::move(source)),
      expected_(expected),
      expected_size_(size_bytes),
      what_(std::move(what)) {}

std::size_t VerifyingSource::read(std::span<std::byte> into) {
  const std::size_t count = source_->read(into);
  seen_bytes_ += count;
  if (expected_size_ && seen_bytes_ > *expected_size_) {
    throw Error(Errc::corrupt,
                cat(what_, " is larger than the expected ", *expected_size_, " bytes"));
  }
  if (done_) return count;
  const Bytes bytes = into.first(count);
  std::holds_alternative<Digest>(expected_) ? hasher_.update(bytes) : checksum_.update(bytes);
  if (count == 0 && expected_size_ && seen_bytes_ < *expected_size_) {
    throw Error(Errc::corrupt,
                cat(what_, " ends after ", seen_bytes_, " of ", *expected_size_, " bytes"));
  }
  // A known size is checked before its last bytes are handed out: a reader that stops there (a tar
  // reader at the end marker) never sees an unverified whole.
  if (count != 0 && (!expected_size_ || seen_bytes_ < *expected_size_)) return count;
  done_ = true;
  check();
  return count;
}

void VerifyingSource::check() {
  if (const auto* checksum = std::get_if<Checksum>(&expected_)) {
    if (checksum_ == *checksum) return;
    throw Error(Errc::corrupt, cat(what_, " is damaged: it is not what was written"));
  }
  const Digest& expected = std::get<Digest>(expected_);
  const Digest actual = hasher_.finish();
  if (actual == expected) return;
  throw Error(Errc::corrupt, cat(what_, " is damaged: expected ", expected, " but got ", actual));
}

ChainId chain_id(const std::optional<ChainId>& parent, const DiffId& diff_id) {
  if (!parent) return {diff_id.value};
  return {sha256(parent->str() + " " + diff_id.str())};
}

}  // namespace cooper::oci

std::size_t std::hash<cooper::oci::Digest>::operator()(
    const cooper::oci::Digest& digest) const noexcept {
  std::size_t value = 0;  // a digest is as good as random in every byte
  std::memcpy(&value, digest.bytes.data(), sizeof value);
  return value;
}
