// Makes one layer blob: deterministic tar (ours) -> diffID -> compression -> blob digest, in one
// pass, and its table.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "layers/compression.h"
#include "layers/table.h"
#include "oci/blob_store.h"

namespace cooper::layers {

struct WrittenLayer {
  oci::Descriptor descriptor;  // media type after the compression
  oci::DiffId diff_id;
  std::uint64_t tar_bytes = 0;
  Table table;
  std::vector<TreePath> stripped;  // entries that had attributes which keep_xattrs would have kept
};

class LayerWriter {
 public:
  LayerWriter(oci::BlobStore& blobs, const CompressionSpec& compression);
  LayerWriter(LayerWriter&&) noexcept;
  ~LayerWriter();  // without finish nothing is left behind

  // Default false: of the xattrs only security.capability is written (IMG-14). Before the first
  // add.
  void keep_xattrs(bool keep);
  // add() throws Error(cancelled) when stop is requested, while it reads content, too.
  void end_when(std::stop_token stop);
  // Entries in strictly ascending TreePath order (Error(invalid) otherwise: the bytes must not
  // depend on the caller's luck). A file needs content of exactly size_bytes (Error(io) naming it
  // otherwise, CTX: a file changed while being read); its content digest is computed here, and
  // must be the entry's where it has one (Error(io): else a key would promise other bytes). mtimes
  // are cut to whole seconds, whiteouts get time 0 (IMG-14). Parent directories are the caller's
  // business. Returns a file's digest.
  std::optional<oci::ContentDigest> add(const Entry& entry, ByteSource* content = nullptr);
  [[nodiscard]] WrittenLayer finish() &&;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cooper::layers
