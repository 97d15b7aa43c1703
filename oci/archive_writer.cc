// Images into archives and layout directories (rows OUT-13, OUT-14).
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/pumped_source.h"
#include "oci/archive_tar.h"
#include "oci/layout.h"
#include "oci/layout_format.h"

namespace cooper::oci {
namespace {

constexpr std::size_t kMaxIndexDepth = 8;

std::unique_ptr<ByteSource> verified(BlobReader& blobs, const Descriptor& blob) {
  const std::string what = cat("blob ", blob.digest);
  auto bytes = blobs.open_blob(blob.digest);
  if (const auto checksum = blobs.checksum_of(blob.digest)) {
    return std::make_unique<VerifyingSource>(std::move(bytes), *checksum, blob.size_bytes, what);
  }
  return std::make_unique<VerifyingSource>(std::move(bytes), blob.digest.value, blob.size_bytes,
                                           what);
}

class Walk {
 public:
  explicit Walk(BlobReader& blobs) : blobs_(blobs) {}

  void visit(const Descriptor& descriptor, std::size_t depth) {
    if (!seen_.insert(descriptor.digest).second) return;
    if (!blobs_.has(descriptor.digest)) {
      // A layer that is fetched from elsewhere need not be distributed (image-spec layer.md,
      // "Non-Distributable Layers").
      if (!descriptor.urls.empty()) return;
      throw Error(Errc::not_found,
                  cat("blob ", descriptor.digest, " (", descriptor.media_type, ") is missing"));
    }
    if (is_index_type(descriptor.media_type)) {
      if (depth == kMaxIndexDepth) {
        throw Error(Errc::invalid, cat("indexes nested deeper than ", kMaxIndexDepth));
      }
      const Index index = parse_index(read_blob(blobs_, descriptor, kMaxManifestBytes),
                                      cat("index ", descriptor.digest));
      for (const Descriptor& entry : index.manifests) visit(entry, depth + 1);
    } else if (is_manifest_type(descriptor.media_type)) {
      const Manifest manifest = parse_manifest(read_blob(blobs_, descriptor, kMaxManifestBytes),
                                               cat("manifest ", descriptor.digest));
      for (const Descriptor& layer : manifest.layers) visit(layer, depth);
      visit(manifest.config, depth);
    }
    found_.push_back(descriptor);
  }
  std::vector<Descriptor> take() { return std::move(found_); }

 private:
  BlobReader& blobs_;
  std::set<BlobDigest> seen_;
  std::vector<Descriptor> found_;
};

// One entry per name; one without a name if there are none.
std::vector<Descriptor> index_entries(const ExportImage& image) {
  Descriptor base = image.root;
  if (image.created) base.annotations[std::string(kCreatedAnnotation)] = *image.created;
  if (image.names.empty()) return {base};
  std::vector<Descriptor> entries;
  for (const Reference& name : image.names) {
    Descriptor entry = base;
    entry.annotations[std::string(kImageNameAnnotation)] = name.str();
    if (!name.tag.empty()) entry.annotations[std::string(kRefNameAnnotation)] = name.tag;
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::string blob_name(const BlobDigest& digest) {
  return "blobs/sha256/" + digest.hex();
}

// What `docker load` reads: Docker's image spec v1.2, "Combined Image JSON + Filesystem Changeset
// Format".
nlohmann::ordered_json docker_entry(BlobReader& blobs, const ExportImage& image) {
  const Manifest manifest = parse_manifest(read_blob(blobs, image.root, kMaxManifestBytes),
                                           cat("manifest ", image.root.digest));
  nlohmann::ordered_json entry;
  entry["Config"] = blob_name(manifest.config.digest);
  entry["RepoTags"] = nlohmann::ordered_json::array();
  for (const Reference& name : image.names) {
    if (name.tag.empty()) continue;
    Reference tagged = name;
    tagged.digest.reset();
    entry["RepoTags"].push_back(tagged.familiar());
  }
  entry["Layers"] = nlohmann::ordered_json::array();
  for (const Descriptor& layer : manifest.layers)
    entry["Layers"].push_back(blob_name(layer.digest));
  return entry;
}

std::string docker_manifest(BlobReader& blobs, const std::vector<ExportImage>& images) {
  auto entries = nlohmann::ordered_json::array();
  for (const ExportImage& image : images) entries.push_back(docker_entry(blobs, image));
  return entries.dump();
}

}  // namespace

std::vector<Descriptor> reachable_blobs(BlobReader& blobs, const Descriptor& root) {
  Walk walk(blobs);
  walk.visit(root, 0);
  return walk.take();
}

struct ArchiveWriter::State {
  explicit State(ByteSink& out) : gathered(out), tar(gathered) {
    tar.add_directory("blobs/");
    tar.add_directory("blobs/sha256/");
  }
  void add_blob(BlobReader& blobs, const Descriptor& blob) {
    const auto source = read_ahead(verified(blobs, blob));  // and hashed, beside the writing
    tar.add_file(blob_name(blob.digest), blob.size_bytes, *source);
  }

  GatheringSink gathered;
  ArchiveTarWriter tar;
  std::vector<BlobDigest> begun_with;
};

ArchiveWriter::ArchiveWriter(ByteSink& out) : state_(std::make_unique<State>(out)) {}
ArchiveWriter::~ArchiveWriter() = default;

void ArchiveWriter::begin_with(BlobReader& blobs, const Descriptor& layer) {
  std::vector<BlobDigest>& written = state_->begun_with;
  if (std::find(written.begin(), written.end(), layer.digest) != written.end()) return;
  state_->add_blob(blobs, layer);
  written.push_back(layer.digest);
}

bool ArchiveWriter::finish(BlobReader& blobs, const std::vector<ExportImage>& images,
                           bool docker_format) {
  const bool several_platforms =
      std::any_of(images.begin(), images.end(),
                  [](const ExportImage& each) { return is_index_type(each.root.media_type); });
  if (docker_format && several_platforms) {
    throw Error(Errc::unsupported,
                "docker exporter does not currently support exporting manifest lists");
  }
  Walk walk(blobs);
  for (const ExportImage& image : images) walk.visit(image.root, 0);
  const std::vector<Descriptor> contents = walk.take();
  const std::vector<BlobDigest>& written = state_->begun_with;
  const auto [left, rest] = std::mismatch(
      written.begin(), written.end(), contents.begin(), contents.end(),
      [](const BlobDigest& digest, const Descriptor& blob) { return digest == blob.digest; });
  if (left != written.end()) return false;
  for (auto blob = rest; blob != contents.end(); ++blob) state_->add_blob(blobs, *blob);
  Index index;
  for (const ExportImage& image : images) {
    for (Descriptor& entry : index_entries(image)) index.manifests.push_back(std::move(entry));
  }
  state_->tar.add_file("index.json", to_json(index));
  if (docker_format) state_->tar.add_file("manifest.json", docker_manifest(blobs, images));
  state_->tar.add_file("oci-layout", kLayoutContent);
  state_->tar.close();
  state_->gathered.finish();
  return true;
}

void write_archive(BlobReader& blobs, const std::vector<ExportImage>& images, bool docker_format,
                   ByteSink& out) {
  ArchiveWriter(out).finish(blobs, images, docker_format);
}

void write_layout(BlobReader& blobs, const ExportImage& image, LayoutDir& layout) {
  for (const Descriptor& blob : reachable_blobs(blobs, image.root)) copy_blob(blobs, layout, blob);
  std::vector<Descriptor> entries = index_entries(image);
  // OUT-13: a layout directory is looked into by tag, so an unnamed image gets one.
  if (image.names.empty()) entries.front().annotations[std::string(kRefNameAnnotation)] = "latest";
  layout.add_to_index(entries);
}

}  // namespace cooper::oci
