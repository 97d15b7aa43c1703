// The small part of tar that image archives need. Private to oci; layer tars live in `layers`.
//
// Writing: ustar, regular files and directories only, modes 0644 and 0755, owner 0, time 0, so that
// equal content gives equal bytes. Reading: ustar, PAX and GNU names, checksums verified, one pass;
// anything damaged or cut short is Error(corrupt).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/byte_stream.h"

namespace cooper::oci {

constexpr std::size_t kTarBlockBytes = 512;

class ArchiveTarWriter {
 public:
  explicit ArchiveTarWriter(ByteSink& out) : out_(out) {}
  void add_directory(std::string_view name);  // "blobs/", at most 100 bytes
  void add_file(std::string_view name, std::string_view content);
  // Exactly size_bytes from content; Error(corrupt) if it has more or fewer.
  void add_file(std::string_view name, std::uint64_t size_bytes, ByteSource& content);
  void close();  // the end marker; finish of the sink is left to the caller

 private:
  void write_header(std::string_view name, char type, std::uint64_t size_bytes);
  void pad(std::uint64_t size_bytes);

  ByteSink& out_;
};

struct ArchiveEntry {
  enum class Kind { file, directory, symlink, hard_link, other };
  Kind kind = Kind::other;
  std::string name;
  std::string link_target;
  std::uint64_t size_bytes = 0;  // of a file, else 0
};

// Reads entries in order, and the content of the current one as a ByteSource.
class ArchiveTarReader : public ByteSource {
 public:
  explicit ArchiveTarReader(ByteSource& in) : in_(in) {}
  // Skips what is left of the current entry. nullopt at the end marker, after which the rest of the
  // input (a tar's record padding) has been read as well, so that a writing process ends
  // undisturbed.
  std::optional<ArchiveEntry> next();
  // Of the current entry's content; 0 at its end.
  std::size_t read(std::span<std::byte> into) override;

 private:
  using Block = std::array<std::byte, kTarBlockBytes>;
  void read_block(Block& block);
  void skip_content();
  void drain();
  std::string read_text_content(std::uint64_t size_bytes, std::string_view what);
  void read_pax(std::uint64_t size_bytes);
  ArchiveEntry take_entry(std::string_view block);

  ByteSource& in_;
  std::uint64_t left_bytes_ = 0;     // of the current content
  std::uint64_t padding_bytes_ = 0;  // behind it
  std::uint64_t entries_ = 0;
  bool first_ = true;
  bool ended_ = false;
  std::map<std::string, std::string> pax_;  // for the entry to come
  std::optional<std::string> long_name_;
  std::optional<std::string> long_link_;
};

}  // namespace cooper::oci
