#include "layers/compression.h"

#include <fstream>
#include <random>

#include "oci/digest.h"
#include "tests/layers/layer_support.h"

namespace cooper::layers {
namespace {

// Half words, half noise; the same everywhere.
std::string mixed(std::size_t size) {
  std::mt19937 random(42);
  std::string text;
  while (text.size() < size) {
    if (random() % 2 == 0) {
      for (int i = 0; i < 64; ++i) text += static_cast<char>(random() & 0xff);
    } else {
      text += cat("line ", random() % 1000, " of some configuration file\n");
    }
  }
  text.resize(size);
  return text;
}

std::string compressed(const std::string& text, const CompressionSpec& spec, std::size_t piece) {
  StringSink out;
  const auto compressor = make_compressor(out, spec);
  for (std::size_t at = 0; at < text.size(); at += piece) {
    compressor->write(as_bytes(std::string_view(text).substr(at, piece)));
  }
  compressor->finish();
  return out.text;
}

std::string decompressed(std::string bytes) {
  return read_all(*make_decompressor(source_of(std::move(bytes)), "blob-x"), 1 << 28, "text");
}

std::string fixture(const std::string& name) {
  std::ifstream file(COOPER_TESTDATA "/layers/compression/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Compression, every_kind_and_size_comes_back) {
  for (const Compression kind : {Compression::none, Compression::gzip, Compression::zstd}) {
    for (const std::size_t size : {0u, 1u, 1000u, 1u << 20, (1u << 20) + 1, 3'000'000u}) {
      const std::string text = mixed(size);
      EXPECT_EQ(decompressed(compressed(text, {kind}, 100'000)), text) << size;
    }
  }
}

TEST(Compression, bytes_depend_on_neither_threads_nor_pieces) {
  const std::string text = mixed(9 << 20);
  for (const Compression kind : {Compression::gzip, Compression::zstd}) {
    const std::string expected = compressed(text, {kind, -1, 1}, text.size());
    EXPECT_EQ(compressed(text, {kind, -1, 4}, text.size()), expected);
    EXPECT_EQ(compressed(text, {kind, -1, 3}, 4097), expected);
    EXPECT_EQ(compressed(text, {kind, -1, 2}, 1 << 20), expected);
  }
  // Small inputs take other paths in both libraries.
  for (const Compression kind : {Compression::gzip, Compression::zstd}) {
    const std::string small = mixed(300'000);
    EXPECT_EQ(compressed(small, {kind, -1, 1}, small.size()),
              compressed(small, {kind, -1, 4}, 1000));
  }
}

TEST(Compression, OUT_07_levels) {
  const std::string text = mixed(200'000);
  for (int level = 0; level <= 9; ++level) {
    EXPECT_EQ(decompressed(compressed(text, {Compression::gzip, level}, 1 << 20)), text) << level;
  }
  for (int level = 0; level <= 22; ++level) {
    EXPECT_EQ(decompressed(compressed(text, {Compression::zstd, level}, 1 << 20)), text) << level;
  }
  EXPECT_GT(compressed(text, {Compression::gzip, 0}, 1 << 20).size(), text.size());
  const auto zstd_at = [&](int level) {
    return compressed(text, {Compression::zstd, level}, 1 << 20);
  };
  EXPECT_EQ(zstd_at(-1), zstd_at(2));  // the default
  EXPECT_EQ(zstd_at(0), zstd_at(3));   // the library's
  StringSink out;
  for (const int level : {-2, 10}) {
    expect_error(Errc::invalid, {"0 to 9"}, [&] {
      make_compressor(out, {Compression::gzip, level});
    });
  }
  for (const int level : {-2, 23}) {
    expect_error(Errc::invalid, {"0 to 22"}, [&] {
      make_compressor(out, {Compression::zstd, level});
    });
  }
}

TEST(Compression, gzip_headers_say_nothing_of_the_machine) {
  for (const int level : {1, 4, 9}) {
    const std::string gz = compressed("x", {Compression::gzip, level}, 1);
    EXPECT_EQ(gz.substr(0, 10), std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10)) << level;
  }
}

TEST(Compression, zstd_windows_are_within_what_every_reader_takes) {
  const std::string frame = compressed(mixed(100'000), {Compression::zstd, 22}, 1 << 20);
  // RFC 8878, 3.1.1.1: no content size, no checksum, and a window descriptor.
  EXPECT_EQ(static_cast<unsigned char>(frame[4]), 0u);
  EXPECT_LE(10u + (static_cast<unsigned char>(frame[5]) >> 3), 23u);
}

TEST(Compression, media_types) {
  EXPECT_EQ(layer_media_type(Compression::none), "application/vnd.oci.image.layer.v1.tar");
  EXPECT_EQ(layer_media_type(Compression::gzip), "application/vnd.oci.image.layer.v1.tar+gzip");
  EXPECT_EQ(layer_media_type(Compression::zstd), "application/vnd.oci.image.layer.v1.tar+zstd");
}

// A sink that takes n writes and then refuses.
class RefusingSink : public ByteSink {
 public:
  explicit RefusingSink(int accepted) : left_(accepted) {}
  void write(Bytes) override {
    if (left_-- == 0) throw Error(Errc::io, "disk full");
  }

 private:
  int left_;
};

TEST(Compression, a_failing_sink_stops_it_cleanly) {
  const std::string text = mixed(12 << 20);
  for (const Compression kind : {Compression::gzip, Compression::zstd}) {
    for (int accepted = 0; accepted < 3; ++accepted) {
      RefusingSink out(accepted);
      expect_error(Errc::io, {"disk full"}, [&] {
        const auto compressor = make_compressor(out, {kind});
        compressor->write(as_bytes(text));
        compressor->finish();
      });
    }
  }
}

TEST(Decompression, foreign_formats_by_content) {
  const std::string text = fixture("hello.txt");
  ASSERT_FALSE(text.empty());
  for (const char* name :
       {"hello.txt", "hello.txt.gz", "hello.txt.bz2", "hello.txt.xz", "hello.txt.zst"}) {
    EXPECT_EQ(decompressed(fixture(name)), text) << name;
    EXPECT_EQ(decompressed(fixture(name) + (name == std::string("hello.txt") ? "" : fixture(name))),
              name == std::string("hello.txt") ? text : text + text)
        << name << " twice";
  }
}

TEST(Decompression, truncation_at_every_offset_is_corrupt) {
  for (const char* name : {"hello.txt.gz", "hello.txt.bz2", "hello.txt.xz", "hello.txt.zst"}) {
    const std::string bytes = fixture(name);
    // Below ten bytes nothing tells bzip2 from text.
    for (std::size_t size = 10; size < bytes.size(); ++size) {
      SCOPED_TRACE(cat(name, " ", size));
      expect_error(Errc::corrupt, {"blob-x"}, [&] { decompressed(bytes.substr(0, size)); });
    }
  }
}

TEST(Decompression, flipped_bytes_never_pass_for_the_text) {
  const std::string text = fixture("hello.txt");
  for (const char* name : {"hello.txt.gz", "hello.txt.bz2", "hello.txt.xz"}) {
    const std::string bytes = fixture(name);
    for (std::size_t i = 10; i < bytes.size(); ++i) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
      try {
        const std::string got = decompressed(damaged);
        EXPECT_EQ(got, text) << name << " " << i;  // bits that mean nothing (a gzip file name)
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Errc::corrupt);
      }
    }
  }
}

TEST(Decompression, gzip_checks_crc_and_size_and_what_follows) {
  const std::string gz = compressed("hello", {Compression::gzip}, 10);
  for (const std::size_t back : {1u, 4u, 5u, 8u}) {
    std::string damaged = gz;
    damaged[damaged.size() - back] = static_cast<char>(damaged[damaged.size() - back] ^ 1);
    expect_error(Errc::corrupt, {"blob-x"}, [&] { decompressed(damaged); });
  }
  EXPECT_EQ(decompressed(gz + std::string(1000, '\0')), "hello");
  expect_error(Errc::corrupt, {"garbage"}, [&] { decompressed(gz + "garbage"); });
  expect_error(Errc::corrupt, {"blob-x"}, [&] { decompressed(gz + "\x1f"); });
}

TEST(Decompression, unknown_content_passes_through) {
  for (const std::string& text :
       {std::string(), std::string("B"), std::string("BZh9 is a file name"),
        std::string("\x1f\x8b"), std::string("plain")}) {
    EXPECT_EQ(decompressed(text), text);
  }
}

}  // namespace
}  // namespace cooper::layers
