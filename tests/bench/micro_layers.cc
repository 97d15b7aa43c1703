// Tar writing, compressors, SHA-256 and metadata tables.
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "layers/compression.h"
#include "layers/table.h"
#include "layers/tar_writer.h"
#include "oci/digest.h"
#include "tests/bench/micro.h"

namespace cooper::bench {
namespace {

constexpr double kMegabyte = 1e6;
constexpr std::size_t kSampleBytes = 32'000'000;
constexpr std::size_t kRows = 50'000;

double megabytes(std::size_t bytes) {
  return static_cast<double>(bytes) / kMegabyte;
}

// A quarter random, as the big file of the driver's load is.
std::string sample() {
  std::string bytes = text_like(kSampleBytes);
  std::mt19937_64 random(7);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    if (at / 65536 % 4 == 0) bytes[at] = static_cast<char>(random() & 0xff);
  }
  return bytes;
}

std::vector<layers::Entry> file_entries(std::uint64_t size_bytes) {
  std::vector<layers::Entry> entries;
  entries.reserve(kRows);
  for (std::size_t i = 0; i < kRows; ++i) {
    layers::Entry entry;
    entry.path = TreePath::clean("usr/share/part" + std::to_string(i / 100) + "/file" +
                                 std::to_string(i) + ".txt");
    entry.mode = 0644;
    entry.mtime = {1'700'000'000 + static_cast<std::int64_t>(i), 0};
    entry.size_bytes = size_bytes;
    entry.content = oci::ContentDigest{oci::sha256(entry.path.str())};
    entries.push_back(std::move(entry));
  }
  return entries;
}

void measure_tar() {
  const std::vector<layers::Entry> small = file_entries(1024);
  const std::string kilobyte(1024, 'x');
  measure("tar, 50,000 files of 1 KiB", megabytes(kRows * 2048), "MB", [&] {
    NullSink sink;
    layers::TarWriter writer(sink);
    for (const layers::Entry& entry : small) {
      MemorySource content(kilobyte);
      writer.add(entry, &content);
    }
    writer.finish();
  });
  const std::string big(kSampleBytes, 'x');
  layers::Entry entry = small.front();
  entry.size_bytes = big.size();
  measure("tar, one file", megabytes(big.size()), "MB", [&] {
    NullSink sink;
    layers::TarWriter writer(sink);
    MemorySource content(big);
    writer.add(entry, &content);
    writer.finish();
  });
}

void measure_compressors(const std::string& bytes) {
  struct Case {
    const char* name;
    layers::Compression kind;
    int level;
  };
  const Case cases[] = {{"gzip, default level", layers::Compression::gzip, -1},
                        {"gzip, level 1", layers::Compression::gzip, 1},
                        {"zstd, default level", layers::Compression::zstd, -1}};
  for (const Case& one : cases) {
    for (const int threads : {1, 2}) {
      const std::string name = std::string(one.name) + ", " + std::to_string(threads) +
                               (threads == 1 ? " thread" : " threads");
      measure(name, megabytes(bytes.size()), "MB", [&] {
        NullSink sink;
        const auto compressor = layers::make_compressor(sink, {one.kind, one.level, threads});
        for (std::size_t at = 0; at < bytes.size(); at += kCopyBufferBytes) {
          compressor->write(as_bytes(std::string_view(bytes).substr(at, kCopyBufferBytes)));
        }
        compressor->finish();
      });
    }
  }
}

void measure_tables() {
  const layers::Table table(file_entries(1024));
  const std::string text = table.serialize();
  measure("table, serialize 50,000 rows", megabytes(text.size()), "MB",
          [&] { (void)table.serialize(); });
  measure("table, parse 50,000 rows", megabytes(text.size()), "MB",
          [&] { (void)layers::Table::parse(text, "table"); });
}

}  // namespace

void measure_layers() {
  const std::string bytes = sample();
  measure("sha256", megabytes(bytes.size()), "MB",
          [&] { (void)oci::sha256(std::string_view(bytes)); });
  measure_compressors(bytes);
  measure_tar();
  measure_tables();
}

}  // namespace cooper::bench
