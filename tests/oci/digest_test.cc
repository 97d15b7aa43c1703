#include "oci/digest.h"

#include <unordered_set>

#include "tests/oci/expect_error.h"

namespace cooper::oci {
namespace {

using tests::expect_error;

constexpr std::string_view kAbcHex =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

// FIPS 180-2, appendix B.
TEST(Digest, sha256_matches_the_published_vectors) {
  struct Row {
    std::string text;
    std::string_view hex;
  };
  const Row rows[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", kAbcHex},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {std::string(1'000'000, 'a'),
       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(sha256(row.text).hex(), row.hex);
    Sha256 pieces;
    for (std::size_t at = 0; at < row.text.size(); at += 997) {
      pieces.update(std::string_view(row.text).substr(at, 997));
    }
    EXPECT_EQ(pieces.finish().hex(), row.hex);
  }
}

TEST(Digest, sha256_moves_with_its_state) {
  Sha256 first;
  first.update("a");
  Sha256 second = std::move(first);
  second.update("bc");
  EXPECT_EQ(second.finish().hex(), kAbcHex);
  EXPECT_THROW(second.finish(), std::logic_error);
  EXPECT_THROW(second.update("x"), std::logic_error);
}

TEST(Digest, text_round_trips) {
  const Digest digest = sha256("abc");
  EXPECT_EQ(digest.str(), "sha256:" + std::string(kAbcHex));
  EXPECT_EQ(Digest::parse(digest.str()), digest);
  EXPECT_EQ(Digest::from_hex(kAbcHex), digest);
  EXPECT_EQ(cat(BlobDigest{digest}), digest.str());
}

TEST(Digest, malformed_text_is_refused) {
  const std::string hex(kAbcHex);
  std::string upper = hex;
  upper[0] = 'B';
  struct Row {
    std::string text;
    Errc code;
  };
  const Row rows[] = {
      {"", Errc::invalid},
      {"sha256", Errc::invalid},
      {"sha256:", Errc::invalid},
      {hex, Errc::invalid},
      {"sha256:" + hex.substr(1), Errc::invalid},
      {"sha256:" + hex + "0", Errc::invalid},
      {"sha256:" + upper, Errc::invalid},
      {"sha256:" + hex.substr(1) + "g", Errc::invalid},
      {"sha256:" + hex.substr(1) + '\0', Errc::invalid},
      {"SHA256:" + hex, Errc::unsupported},
      {"sha512:" + hex + hex, Errc::unsupported},
      {"multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8", Errc::unsupported},
      {"+sha:abc", Errc::invalid},
      {"sha+:abc", Errc::invalid},
      {"sha512:", Errc::invalid},
      {"sha512:../../etc", Errc::invalid},
      {" sha256:" + hex, Errc::invalid},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.text);
    expect_error(row.code, "digest", [&] { Digest::parse(row.text); });
  }
}

// image-spec config.md, "Layer ChainID".
TEST(Digest, chain_id_of_a_stack) {
  const DiffId bottom{sha256("bottom")};
  const DiffId top{sha256("top")};
  const ChainId one = chain_id(std::nullopt, bottom);
  EXPECT_EQ(one.value, bottom.value);
  const ChainId two = chain_id(one, top);
  EXPECT_EQ(two.value, sha256(bottom.str() + " " + top.str()));
  EXPECT_NE(two, chain_id(chain_id(std::nullopt, top), bottom));
}

TEST(Digest, sink_hashes_what_passes) {
  StringSink sink;
  DigestSink hashed(sink);
  hashed.write(as_bytes("ab"));
  hashed.write(as_bytes("c"));
  hashed.finish();
  EXPECT_EQ(sink.text, "abc");
  EXPECT_EQ(hashed.size_bytes(), 3U);
  EXPECT_EQ(hashed.digest().hex(), kAbcHex);
}

TEST(Digest, is_a_key_of_hash_tables) {
  std::unordered_set<DiffId> set;
  for (int i = 0; i < 100; ++i) set.insert(DiffId{sha256(std::to_string(i))});
  EXPECT_EQ(set.size(), 100U);
  EXPECT_TRUE(set.contains(DiffId{sha256("42")}));
}

std::string read_verified(std::string content, std::string_view promised,
                          std::optional<std::uint64_t> size_bytes) {
  VerifyingSource source(std::make_unique<MemorySource>(std::move(content)), sha256(promised),
                         size_bytes, "blob x");
  return read_all(source, 1 << 20, "blob x");
}

TEST(VerifyingSource, passes_what_is_as_promised) {
  EXPECT_EQ(read_verified("abc", "abc", 3), "abc");
  EXPECT_EQ(read_verified("abc", "abc", std::nullopt), "abc");
  EXPECT_EQ(read_verified("", "", 0), "");
  EXPECT_EQ(read_verified("", "", std::nullopt), "");
}

TEST(VerifyingSource, refuses_damage) {
  expect_error(Errc::corrupt, "blob x is damaged", [] { read_verified("abd", "abc", 3); });
  expect_error(Errc::corrupt, "blob x is damaged",
               [] { read_verified("abd", "abc", std::nullopt); });
  expect_error(Errc::corrupt, "ends after 2 of 3 bytes", [] { read_verified("ab", "abc", 3); });
  expect_error(Errc::corrupt, "larger than the expected 3 bytes",
               [] { read_verified("abcd", "abc", 3); });
  expect_error(Errc::corrupt, "blob x", [] { read_verified("", "abc", 0); });
}

TEST(VerifyingSource, refuses_damage_by_checksum) {
  const auto read = [](std::string content, std::optional<std::uint64_t> size_bytes) {
    Checksum expected;
    expected.update(as_bytes("a"));
    expected.update(as_bytes("bc"));
    VerifyingSource source(std::make_unique<MemorySource>(std::move(content)), expected, size_bytes,
                           "blob x");
    return read_all(source, 1 << 20, "blob x");
  };
  EXPECT_EQ(read("abc", 3), "abc");
  EXPECT_EQ(read("abc", std::nullopt), "abc");
  for (const std::string& other : {std::string("abd"), std::string("\0bc", 3), std::string("ab")}) {
    expect_error(Errc::corrupt, "blob x is damaged", [&] { read(other, std::nullopt); });
  }
  expect_error(Errc::corrupt, "blob x is damaged", [&] { read("abd", 3); });
  expect_error(Errc::corrupt, "ends after 2 of 3 bytes", [&] { read("ab", 3); });
  expect_error(Errc::corrupt, "larger than the expected 3 bytes", [&] { read("abcd", 3); });
}

// A tar reader stops at the end marker; it must not get the last bytes of a damaged blob.
TEST(VerifyingSource, checks_before_the_last_bytes_leave) {
  VerifyingSource source(std::make_unique<MemorySource>("abd"), sha256("abc"), 3, "blob x");
  std::array<std::byte, 3> bytes{};
  expect_error(Errc::corrupt, "blob x is damaged", [&] { source.read(bytes); });
}

}  // namespace
}  // namespace cooper::oci
