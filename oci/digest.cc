#include "oci/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstring>
#include <stdexcept>
#include <utility>

#include "base/error.h"

namespace cooper::oci {
namespace {

// Looking an algorithm up takes longer than hashing a small blob; this one lives as long as the
// process.
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  if (algorithm == nullptr) throw Error(Errc::unsupported, "OpenSSL offers no SHA-256");
  return algorithm;
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

struct Sha256::Context {
  EVP_MD_CTX* handle = EVP_MD_CTX_new();
  Context() {
    if (handle == nullptr) hashing_failed();
    if (EVP_DigestInit_ex2(handle, sha256_algorithm(), nullptr) != 1) {
      EVP_MD_CTX_free(handle);
      hashing_failed();
    }
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_MD_CTX_free(handle); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(Bytes bytes) {
  if (!context_) throw std::logic_error("Sha256::update after finish");
  if (EVP_DigestUpdate(context_->handle, bytes.data(), bytes.size()) != 1) hashing_failed();
}

Digest Sha256::finish() {
  if (!context_) throw std::logic_error("Sha256::finish called twice");
  Digest digest;
  const std::unique_ptr<Context> context = std::move(context_);
  if (EVP_DigestFinal_ex(context->handle, digest.bytes.data(), nullptr) != 1) hashing_failed();
  return digest;
}

Digest sha256(Bytes bytes) {
  Digest digest;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.bytes.data(), nullptr, sha256_algorithm(),
                 nullptr) != 1) {
    hashing_failed();
  }
  return digest;
}

Digest hmac_sha256(std::string_view key, std::string_view text) {
  Digest digest;
  const Bytes bytes = as_bytes(text);
  if (HMAC(sha256_algorithm(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.bytes.data(),
           nullptr) == nullptr) {
    hashing_failed();
  }
  return digest;
}

VerifyingSource::VerifyingSource(std::unique_ptr<ByteSource> source, Digest expected,
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
  hasher_.update(Bytes(into.first(count)));
  if (count == 0 && expected_size_ && seen_bytes_ < *expected_size_) {
    throw Error(Errc::corrupt,
                cat(what_, " ends after ", seen_bytes_, " of ", *expected_size_, " bytes"));
  }
  // A known size is checked before its last bytes are handed out: a reader that stops there (a tar
  // reader at the end marker) never sees an unverified whole.
  if (count != 0 && (!expected_size_ || seen_bytes_ < *expected_size_)) return count;
  done_ = true;
  const Digest actual = hasher_.finish();
  if (actual != expected_) {
    throw Error(Errc::corrupt,
                cat(what_, " is damaged: expected ", expected_, " but got ", actual));
  }
  return count;
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
