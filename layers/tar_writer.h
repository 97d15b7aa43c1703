// The one tar writer: its bytes are the diffID, so they depend on nothing but the entries.
//
// ustar (POSIX.1-1988) where a value fits, one PAX extended header (POSIX.1-2001) with just the
// records that do not fit, sorted by keyword, where it does not. No user or group names, no locale,
// no clock, times in whole seconds. Names are raw bytes. Ends with two zero blocks and no further
// padding. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "layers/entry.h"

namespace cooper::layers {

class TarWriter {
 public:
  explicit TarWriter(ByteSink& out);

  // In the order given. A file needs content of exactly size_bytes, else Error(io) naming it; other
  // types take none. A whiteout becomes ".wh.<name>", an opaque directory is followed by its
  // ".wh..wh..opq". A name that a reader would take for a whiteout is Error(invalid).
  void add(const Entry& entry, ByteSource* content = nullptr);
  // Writes the end and finishes `out`.
  void finish();

  // Where the bytes of each entry begin in the tar that add() makes of just these entries; for those
  // without bytes, where its header ends.
  static std::vector<std::uint64_t> content_offsets(const std::vector<Entry>& entries);

 private:
  struct Header;
  void put(Bytes bytes);
  void put_header(const Header& header);
  void put_member(const Entry& entry, const std::string& name);
  void put_extended(const std::string& name, const std::map<std::string, std::string>& records);
  void put_marker(const std::string& name);
  void put_content(const Entry& entry, ByteSource& content);
  void pad(std::uint64_t written_bytes);
  void flush();

  ByteSink& out_;
  std::vector<std::byte> buffer_;
  std::size_t used_ = 0;
};

}  // namespace cooper::layers
