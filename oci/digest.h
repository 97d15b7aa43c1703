// Content digests, one type per meaning.
//
// cooper makes and accepts sha256 only (image-spec descriptor.md, "Registered algorithms"); a
// well-formed digest of another algorithm is Error(unsupported), anything else Error(invalid).
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <variant>

#include "base/byte_stream.h"
#include "oci/checksum.h"

namespace cooper::oci {

struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  static Digest parse(std::string_view text);  // "sha256:<64 lower-case hex>"
  static Digest from_hex(std::string_view hex);
  std::string hex() const;
  std::string str() const { return "sha256:" + hex(); }
  friend auto operator<=>(const Digest&, const Digest&) = default;
};
inline std::ostream& operator<<(std::ostream& out, const Digest& digest) {
  return out << digest.str();
}

template <class Tag>
struct Named {
  Digest value;
  std::string str() const { return value.str(); }
  std::string hex() const { return value.hex(); }
  static Named parse(std::string_view text) { return {Digest::parse(text)}; }
  friend auto operator<=>(const Named&, const Named&) = default;
};
template <class Tag>
std::ostream& operator<<(std::ostream& out, const Named<Tag>& digest) {
  return out << digest.str();
}

using BlobDigest = Named<struct BlobTag>;        // of the bytes as stored or transferred
using DiffId = Named<struct DiffTag>;            // of the uncompressed layer tar
using ChainId = Named<struct ChainTag>;          // of a stack of layers (image-spec config.md)
using ContentDigest = Named<struct ContentTag>;  // of one file's bytes, or of a selection of files

// Incremental SHA-256 (OpenSSL, SHA-NI where present). A value: a copy goes on from the same bytes.
class Sha256 {
 public:
  Sha256();
  void update(Bytes bytes);
  void update(std::string_view text) { update(as_bytes(text)); }
  Digest finish();  // once

 private:
  alignas(8) std::array<std::byte, 112> state_;  // OpenSSL's SHA256_CTX
  bool finished_ = false;
};

Digest sha256(Bytes bytes);
inline Digest sha256(std::string_view text) {
  return sha256(as_bytes(text));
}
Digest hmac_sha256(std::string_view key, std::string_view text);  // RFC 2104

// Hashes what passes on its way to `next`.
class DigestSink : public ByteSink {
 public:
  explicit DigestSink(ByteSink& next) : next_(next) {}
  void write(Bytes bytes) override {
    hasher_.update(bytes);
    size_bytes_ += bytes.size();
    next_.write(bytes);
  }
  void finish() override { next_.finish(); }
  Digest digest() { return hasher_.finish(); }  // once, after the last write
  std::uint64_t size_bytes() const noexcept { return size_bytes_; }

 private:
  ByteSink& next_;
  Sha256 hasher_;
  std::uint64_t size_bytes_ = 0;
};

// The source it owns, checked: the read that reaches the end (or passes size_bytes) throws
// Error(corrupt) naming `what` unless size and digest (or checksum) are as expected.
class VerifyingSource : public ByteSource {
 public:
  VerifyingSource(std::unique_ptr<ByteSource> source, Digest expected,
                  std::optional<std::uint64_t> size_bytes, std::string what);
  VerifyingSource(std::unique_ptr<ByteSource> source, Checksum expected,
                  std::optional<std::uint64_t> size_bytes, std::string what);
  std::size_t read(std::span<std::byte> into) override;

 private:
  void check();

  std::unique_ptr<ByteSource> source_;
  Sha256 hasher_;
  Checksum checksum_;
  std::variant<Digest, Checksum> expected_;  // the one of the two that is computed
  std::optional<std::uint64_t> expected_size_;
  std::uint64_t seen_bytes_ = 0;
  bool done_ = false;
  std::string what_;
};

// chainID of `parent` with one more layer on top; nullopt parent: the layer is the bottom one.
ChainId chain_id(const std::optional<ChainId>& parent, const DiffId& diff_id);

}  // namespace cooper::oci

template <>
struct std::hash<cooper::oci::Digest> {
  std::size_t operator()(const cooper::oci::Digest& digest) const noexcept;
};
template <class Tag>
struct std::hash<cooper::oci::Named<Tag>> {
  std::size_t operator()(const cooper::oci::Named<Tag>& digest) const noexcept {
    return std::hash<cooper::oci::Digest>()(digest.value);
  }
};
