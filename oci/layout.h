// OCI image layouts (image-spec image-layout.md) as directory and as tar, and Docker's save format.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "base/dir.h"
#include "oci/blob_store.h"
#include "oci/image.h"
#include "oci/reference.h"

namespace cooper::oci {

// A layout directory: readable in place, writable blob by blob; index.json is replaced atomically.
class LayoutDir : public BlobStore {
 public:
  static LayoutDir open(
      const std::filesystem::path& path);  // must be a layout: Error(corrupt) otherwise
  static LayoutDir create(const std::filesystem::path& path);  // or open, when it is one already
  bool has(const BlobDigest& digest) override;
  std::unique_ptr<ByteSource> open_blob(const BlobDigest& digest) override;
  std::unique_ptr<BlobWriter> new_blob() override;
  Index index() const;
  // Adds entries; an entry replaces older ones of the same image name (annotation
  // io.containerd.image.name) or, where one of the two has none, of the same ref name
  // (org.opencontainers.image.ref.name); a nameless one replaces nameless ones of the same digest.
  // Safe against other writers of the same layout, in this process or another.
  void add_to_index(const std::vector<Descriptor>& entries);

 private:
  explicit LayoutDir(Dir dir);
  Dir dir_;
};

// What an archive or layout is about to hold: one image (or index) with all that it reaches.
struct ExportImage {
  Descriptor root;                     // manifest or index, found in `blobs`
  std::vector<Reference> names;        // may be empty
  std::optional<std::string> created;  // org.opencontainers.image.created on the index entry
};

// Every blob reachable from root, children before parents and layers before their config, each
// once; Error(not_found) names a gap.
std::vector<Descriptor> reachable_blobs(BlobReader& blobs, const Descriptor& root);

// Rows OUT-13, OUT-14. One index.json entry per name; blobs are in the order of reachable_blobs,
// all with fixed metadata, so equal images give equal archives; what several of them share is in it
// once. docker_format adds manifest.json (and refuses an index). Written through the sink as it
// goes; the caller owns atomicity of the destination.
//
// An image begins with the layers of its base, so that these can be written before the rest is
// known.
class ArchiveWriter {
 public:
  explicit ArchiveWriter(ByteSink& out);
  ~ArchiveWriter();
  void begin_with(BlobReader& blobs, const Descriptor& layer);
  // The rest. False, and nothing more is written: the images begin with other blobs than was
  // written.
  bool finish(BlobReader& blobs, const std::vector<ExportImage>& images, bool docker_format);

 private:
  struct State;
  std::unique_ptr<State> state_;
};
void write_archive(BlobReader& blobs, const std::vector<ExportImage>& images, bool docker_format,
                   ByteSink& out);
void write_layout(BlobReader& blobs, const ExportImage& image, LayoutDir& layout);

}  // namespace cooper::oci
