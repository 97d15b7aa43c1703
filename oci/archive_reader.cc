#include "oci/archive_reader.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/tree_path.h"
#include "oci/archive_tar.h"
#include "oci/image.h"
#include "oci/json_value.h"
#include "oci/layout.h"
#include "oci/layout_format.h"

namespace cooper::oci {
namespace {

constexpr std::size_t kMaxLinkHops = 8;
constexpr std::size_t kMaxDockerManifestBytes = 64
                                                << 20;  // docker save can hold thousands of images

struct StoredFile {
  BlobDigest digest;
  std::uint64_t size_bytes = 0;
  std::string head;  // its first bytes, which tell a compressed layer
};

// What one pass over the archive leaves behind.
struct Contents {
  std::map<TreePath, std::string> documents;  // index.json, manifest.json, oci-layout
  std::map<TreePath, StoredFile> files;
  std::map<TreePath, TreePath> links;
};

const TreePath kIndexName = TreePath::clean("index.json");
const TreePath kDockerName = TreePath::clean("manifest.json");
const TreePath kLayoutName = TreePath::clean("oci-layout");
const TreePath kBlobs = TreePath::clean("blobs");
const TreePath kSha256 = TreePath::clean("blobs/sha256");

std::size_t document_limit(const TreePath& name) {
  if (name == kIndexName) return kMaxManifestBytes;
  if (name == kDockerName) return kMaxDockerManifestBytes;
  return name == kLayoutName ? 4096 : 0;
}

// Per-layer leftovers of the oldest docker save format, which nothing refers to.
bool is_leftover(const TreePath& name) {
  return name.str() == "repositories" || name.name() == "VERSION" || name.name() == "json";
}

// Streams the current entry into the store, checked against `expected`. What the store has already
// is checked all the same, because the archive may be damaged, but not written again.
StoredFile store_file(ArchiveTarReader& tar, BlobStore& into,
                      const std::optional<BlobDigest>& expected) {
  constexpr std::size_t kHeadBytes = 4;
  StoredFile file;
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kCopyBufferBytes);
  const bool known = expected && into.has(*expected);
  const std::unique_ptr<BlobWriter> writer = known ? nullptr : into.new_blob();
  Sha256 hasher;
  while (const std::size_t got = tar.read({buffer.get(), kCopyBufferBytes})) {
    const Bytes bytes(buffer.get(), got);
    if (file.head.size() < kHeadBytes) {
      file.head += as_text(bytes.first(std::min(got, kHeadBytes - file.head.size())));
    }
    file.size_bytes += got;
    if (known) {
      hasher.update(bytes);
    } else {
      writer->write(bytes);
    }
  }
  file.digest = known ? BlobDigest{hasher.finish()} : writer->commit(expected).first;
  if (expected && file.digest != *expected) {
    throw Error(Errc::corrupt, cat("expected blob ", *expected, " but got ", file.digest));
  }
  return file;
}

// Malformed names inside an archive are damage of the archive, not a mistake of the user.
template <class Body>
auto in_archive(std::string_view where, Body&& body) {
  try {
    return body();
  } catch (const Error& error) {
    if (error.code() != Errc::invalid) throw;
    throw Error(Errc::corrupt, cat("the archive's ", where, ": ", error.message()));
  }
}

void take_file(ArchiveTarReader& tar, const TreePath& name, BlobStore& into, Contents& contents) {
  if (const std::size_t limit = document_limit(name); limit != 0) {
    const bool fresh = contents.documents.emplace(name, read_all(tar, limit, name.str())).second;
    if (!fresh) throw Error(Errc::corrupt, cat("the archive holds ", name.str(), " twice"));
    return;
  }
  if (is_leftover(name)) return;
  if (name.parent() == kSha256) {
    const BlobDigest digest =
        in_archive("blobs/sha256", [&] { return BlobDigest{Digest::from_hex(name.name())}; });
    // Docker's Layers may name it as well, so it is a file like the others.
    if (!contents.files.contains(name)) {
      contents.files.emplace(name, store_file(tar, into, digest));
    }
    return;
  }
  if (kBlobs.contains(name)) return;  // an algorithm we do not read; a reference to it will say so
  contents.files.insert_or_assign(name, store_file(tar, into, std::nullopt));
}

TreePath link_target(const TreePath& link, const std::string& target) {
  return TreePath::clean(target.starts_with('/') ? target : link.parent().str() + "/" + target);
}

Contents read_contents(ByteSource& archive, BlobStore& into) {
  Contents contents;
  ArchiveTarReader tar(archive);
  while (const auto entry = tar.next()) {
    // Names are only looked up, never opened; one that climbs out names nothing here.
    const auto name = TreePath::try_confined(entry->name);
    if (!name || name->is_root()) continue;
    switch (entry->kind) {
      case ArchiveEntry::Kind::file:
        take_file(tar, *name, into, contents);
        break;
      case ArchiveEntry::Kind::symlink:
        contents.links.insert_or_assign(*name, link_target(*name, entry->link_target));
        break;
      case ArchiveEntry::Kind::hard_link:
        contents.links.insert_or_assign(*name, TreePath::clean(entry->link_target));
        break;
      case ArchiveEntry::Kind::directory:
      case ArchiveEntry::Kind::other:
        break;
    }
  }
  return contents;
}

const StoredFile& find_file(const Contents& contents, const std::string& name) {
  TreePath path = TreePath::clean(name);
  for (std::size_t hop = 0; hop < kMaxLinkHops; ++hop) {
    if (const auto file = contents.files.find(path); file != contents.files.end()) {
      return file->second;
    }
    const auto link = contents.links.find(path);
    if (link == contents.links.end()) break;
    path = link->second;
  }
  throw Error(Errc::corrupt,
              cat("manifest.json names ", name, ", which the archive does not hold"));
}

// -- OCI layout
// ------------------------------------------------------------------------------------

std::optional<Reference> name_of(const Descriptor& entry) {
  const auto image = entry.annotations.find(std::string(kImageNameAnnotation));
  if (image != entry.annotations.end()) {
    return in_archive("index.json", [&] { return parse_reference(image->second); });
  }
  const auto ref = entry.annotations.find(std::string(kRefNameAnnotation));
  // A bare tag ("latest") names no image; a longer one is a whole reference by custom only.
  if (ref == entry.annotations.end() || ref->second.find_first_of("/:") == std::string::npos) {
    return std::nullopt;
  }
  try {
    return parse_reference(ref->second);
  } catch (const Error&) {  // free text (image-spec annotations.md), so not an error
    return std::nullopt;
  }
}

bool is_complete(BlobReader& blobs, const Descriptor& root) {
  try {
    reachable_blobs(blobs, root);
    return true;
  } catch (const Error& error) {
    if (error.code() != Errc::not_found) throw;
    return false;
  }
}

void check_complete(BlobReader& blobs, const Descriptor& root) {
  if (is_index_type(root.media_type) && blobs.has(root.digest)) {
    const Index index =
        parse_index(read_blob(blobs, root, kMaxManifestBytes), cat("index ", root.digest));
    const bool some =
        index.manifests.empty() ||
        std::any_of(index.manifests.begin(), index.manifests.end(),
                    [&](const Descriptor& entry) { return is_complete(blobs, entry); });
    if (some) return;
  }
  try {
    reachable_blobs(blobs, root);
  } catch (const Error& error) {
    if (error.code() != Errc::not_found) throw;
    throw Error(Errc::corrupt, cat("the archive is incomplete: ", error.message()));
  }
}

void add_name(std::vector<Reference>& names, const Reference& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

std::vector<LoadedImage> images_of_layout(const Contents& contents, BlobStore& into) {
  check_layout_file(contents.documents.at(kLayoutName), "oci-layout");
  const Index index = parse_index(contents.documents.at(kIndexName), "index.json");
  std::vector<LoadedImage> images;
  for (const Descriptor& entry : index.manifests) {
    auto image = std::find_if(images.begin(), images.end(), [&](const LoadedImage& known) {
      return known.root.digest == entry.digest;
    });
    if (image == images.end()) {
      check_complete(into, entry);
      image = images.insert(images.end(), LoadedImage{entry, {}});
      image->root.annotations.erase(std::string(kImageNameAnnotation));
      image->root.annotations.erase(std::string(kRefNameAnnotation));
    }
    if (const auto name = name_of(entry)) add_name(image->names, *name);
  }
  return images;
}

// -- docker save
// -----------------------------------------------------------------------------------

std::string_view layer_type(const std::string& head) {
  if (head.starts_with("\x1f\x8b")) return kLayerGzipType;
  if (head.starts_with("\x28\xb5\x2f\xfd")) return kLayerZstdType;
  return kLayerTarType;
}

Descriptor describe(const StoredFile& file, std::string_view media_type) {
  Descriptor descriptor;
  descriptor.media_type = media_type;
  descriptor.digest = file.digest;
  descriptor.size_bytes = file.size_bytes;
  return descriptor;
}

LoadedImage docker_image(const JsonCursor& entry, const Contents& contents, BlobStore& into) {
  const std::string config_name = entry.at("Config").text();
  Manifest manifest;
  manifest.config = describe(find_file(contents, config_name), kConfigType);
  const ImageConfig config =
      parse_config(read_blob(into, manifest.config, kMaxConfigBytes), config_name);
  const std::vector<std::string> layers = entry.strings_or_empty("Layers");
  if (layers.size() != config.diff_ids.size()) {
    entry.fail(cat("has ", layers.size(), " layers, but its config has ", config.diff_ids.size()));
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const StoredFile& file = find_file(contents, layers[i]);
    const Descriptor layer = describe(file, layer_type(file.head));
    if (layer.media_type == kLayerTarType && layer.digest.value != config.diff_ids[i].value) {
      throw Error(Errc::corrupt, cat("layer ", layers[i], " is damaged: expected ",
                                     config.diff_ids[i], " but got ", layer.digest));
    }
    manifest.layers.push_back(layer);
  }
  LoadedImage image;
  image.root = write_blob(into, kManifestType, to_json(manifest));
  for (const std::string& tag : entry.strings_or_empty("RepoTags")) {
    add_name(image.names, in_archive("manifest.json", [&] { return parse_reference(tag); }));
  }
  return image;
}

std::vector<LoadedImage> images_of_docker(const Contents& contents, BlobStore& into) {
  const std::string document = "manifest.json";
  const JsonValue value = parse_json(contents.documents.at(kDockerName), document);
  std::vector<LoadedImage> images;
  for (const JsonCursor& entry : JsonCursor(value, document).elements()) {
    images.push_back(docker_image(entry, contents, into));
  }
  return images;
}

}  // namespace

std::vector<LoadedImage> load_archive(ByteSource& archive, BlobStore& into) {
  const Contents contents = read_contents(archive, into);
  if (contents.documents.contains(kIndexName) && contents.documents.contains(kLayoutName)) {
    return images_of_layout(contents, into);
  }
  if (contents.documents.contains(kDockerName)) return images_of_docker(contents, into);
  throw Error(Errc::invalid,
              "not an image archive: it holds neither an OCI layout (oci-layout, index.json) nor a "
              "manifest.json");
}

}  // namespace cooper::oci
