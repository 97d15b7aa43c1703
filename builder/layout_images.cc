#include "builder/layout_images.h"

#include <algorithm>

#include "base/error.h"
#include "oci/layout.h"

namespace cooper::builder {
namespace {

constexpr std::size_t kMetadataLimitBytes = 8 << 20;
constexpr const char* kRefName = "org.opencontainers.image.ref.name";
constexpr const char* kImageName = "io.containerd.image.name";

bool is_tag(std::string_view text) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  if (text.empty() || text.size() > 128 || kLetters.find(text.front()) == std::string_view::npos) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return kLetters.find(c) != std::string_view::npos || c == '.' || c == '-';
  });
}

std::string annotation(const oci::Descriptor& entry, const char* name) {
  const auto found = entry.annotations.find(name);
  return found == entry.annotations.end() ? "" : found->second;
}

oci::Descriptor named_root(const LayoutReference& reference, const std::string& text, const oci::Index& index) {
  const std::string tag = reference.tag.empty() ? "latest" : reference.tag;
  for (const oci::Descriptor& entry : index.manifests) {
    if (annotation(entry, kRefName) == tag || annotation(entry, kImageName).ends_with(":" + tag)) return entry;
  }
  if (index.manifests.size() == 1 && reference.tag.empty()) return index.manifests.front();
  throw Error(Errc::not_found, cat("oci-layout reference \"", text, "\" has no digest, and its index lists no ", tag));
}

}  // namespace

LayoutReference parse_layout_reference(const std::string& text) {
  LayoutReference reference;
  reference.path = text.substr(kLayoutScheme.size());
  if (const std::size_t at = reference.path.rfind('@'); at != std::string::npos) {
    const std::string digest = reference.path.substr(at + 1);
    if (digest.find(':') != std::string::npos && digest.find('/') == std::string::npos) {
      reference.digest = oci::BlobDigest::parse(digest);
      reference.path.resize(at);
    }
  }
  if (const std::size_t colon = reference.path.rfind(':'); colon != std::string::npos) {
    const std::string tag = reference.path.substr(colon + 1);
    if (is_tag(tag)) {
      reference.tag = tag;
      reference.path.resize(colon);
    }
  }
  if (reference.path.empty()) throw Error(Errc::invalid, cat("oci-layout reference \"", text, "\" has no path"));
  return reference;
}

oci::Descriptor layout_root(const std::string& text, cache::Store& store) {
  const LayoutReference reference = parse_layout_reference(text);
  oci::LayoutDir layout = oci::LayoutDir::open(reference.path);
  if (!reference.digest) {
    const oci::Descriptor root = named_root(reference, text, layout.index());
    oci::copy_blob(layout, store, root);
    return root;
  }
  const std::string content = read_all(*layout.open_blob(*reference.digest), kMetadataLimitBytes, text);
  auto writer = store.new_blob();
  writer->write(as_bytes(content));
  writer->commit(*reference.digest);
  oci::Descriptor root{std::string(oci::kManifestType), *reference.digest, content.size()};
  if (content.find("\"manifests\"") != std::string::npos) root.media_type = oci::kIndexType;
  return root;
}

void copy_from_layout(const std::string& path, const oci::Descriptor& blob, cache::Store& store) {
  oci::LayoutDir layout = oci::LayoutDir::open(path);
  oci::copy_blob(*layout.open_blob(blob.digest), store, blob.digest);
}

}  // namespace cooper::builder
