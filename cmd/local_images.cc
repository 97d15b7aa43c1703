#include "cmd/local_images.h"

#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "oci/blob_store.h"
#include "oci/image.h"
#include "oci/registry.h"

namespace cooper::cmd {
namespace {

constexpr std::size_t kFewestDigits = 4;
constexpr std::size_t kAllDigits = 64;
constexpr std::string_view kAlgorithm = "sha256:";
constexpr const char* kUnnamedFact = "image-without-name";  // root digest -> its media type, size and creation time

// The digits of what may be the beginning of a digest.
std::optional<std::string> digits_of(std::string_view text) {
  if (text.starts_with(kAlgorithm)) text.remove_prefix(kAlgorithm.size());
  const bool hex = text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (!hex || text.size() < kFewestDigits || text.size() > kAllDigits) return std::nullopt;
  return std::string(text);
}

std::vector<LocalImage> named_images(cache::Store& store) {
  std::vector<LocalImage> images;
  for (cache::NamedImage& each : store.names()) {
    const auto known = std::find_if(images.begin(), images.end(), [&](const LocalImage& image) {
      return image.root.digest == each.root.digest;
    });
    if (known != images.end()) {
      known->names.push_back(std::move(each.reference));
      if (known->created.empty()) known->created = std::move(each.created);
    } else {
      images.push_back({std::move(each.root), std::nullopt, {std::move(each.reference)}, std::move(each.created)});
    }
  }
  return images;
}

std::optional<LocalImage> with_digits(cache::Store& store, std::vector<LocalImage> images, const std::string& text,
                                      const std::string& digits) {
  std::vector<LocalImage> found;
  for (LocalImage& image : images) {
    const bool begins = image.root.digest.hex().starts_with(digits) ||
                        image_id(store, image.root).hex().starts_with(digits);
    if (begins) found.push_back(std::move(image));
  }
  if (found.empty()) return std::nullopt;
  if (found.size() == 1) return std::move(found.front());
  std::string candidates;
  for (const LocalImage& image : found) {
    candidates += cat("\n  ID ", image_id(store, image.root).hex(), " digest ", image.root.digest.hex(), " (",
                      joined(image.names), ")");
  }
  throw Error(Errc::invalid, cat("\"", text, "\" is the beginning of several images:", candidates));
}

}  // namespace

void remember_unnamed(cache::Store& store, const oci::Descriptor& root, const std::string& created) {
  store.put_fact(kUnnamedFact, root.digest.str(), cat(root.media_type, " ", root.size_bytes, " ", created));
}

void forget_unnamed(cache::Store& store, const oci::BlobDigest& root) { store.drop_fact(kUnnamedFact, root.str()); }

std::vector<LocalImage> local_images(cache::Store& store) {
  std::vector<LocalImage> images = named_images(store);
  const std::size_t named = images.size();
  for (const auto& [digest, text] : store.facts(kUnnamedFact)) {
    LocalImage image;
    image.root.digest = oci::BlobDigest::parse(digest);
    std::istringstream fields(text);
    fields >> image.root.media_type >> image.root.size_bytes >> image.created;
    const auto same = [&](const LocalImage& other) { return other.root.digest == image.root.digest; };
    if (std::any_of(images.begin(), images.begin() + static_cast<std::ptrdiff_t>(named), same)) continue;  // tagged since
    if (store.has(image.root.digest)) images.push_back(std::move(image));
  }
  return images;
}

std::string joined(const std::vector<oci::Reference>& names) {
  if (names.empty()) return "no name";
  std::string text;
  for (const oci::Reference& name : names) text += (text.empty() ? "" : ", ") + name.familiar();
  return text;
}

oci::Descriptor image_manifest(cache::Store& store, const oci::Descriptor& root) {
  if (!oci::is_index_type(root.media_type)) return root;
  const oci::Index index =
      oci::parse_index(oci::read_blob(store, root, kMetadataLimitBytes), root.digest.str());
  if (const auto chosen = oci::select_manifest(index, oci::host_platform())) return *chosen;
  if (index.manifests.empty()) throw Error(Errc::corrupt, cat("index ", root.digest, " lists nothing"));
  return index.manifests.front();
}

oci::BlobDigest image_id(cache::Store& store, const oci::Descriptor& root) {
  if (oci::is_index_type(root.media_type)) return root.digest;
  try {
    return oci::parse_manifest(oci::read_blob(store, root, kMetadataLimitBytes), root.digest.str()).config.digest;
  } catch (const Error& error) {
    if (error.code() != Errc::corrupt && error.code() != Errc::not_found) throw;
    return root.digest;
  }
}

std::optional<LocalImage> find_image(cache::Store& store, const std::string& text) {
  std::vector<LocalImage> images = local_images(store);
  const auto digits = digits_of(text);
  if (!digits || text.size() != kAllDigits) {  // so many digits are no name (parse_reference)
    const oci::Reference name = oci::parse_reference(text);
    for (LocalImage& image : images) {
      if (std::find(image.names.begin(), image.names.end(), name) == image.names.end()) continue;
      image.name = name;
      return std::move(image);
    }
  }
  return digits ? with_digits(store, std::move(images), text, *digits) : std::nullopt;
}

LocalImage local_image(cache::Store& store, const std::string& text) {
  auto image = find_image(store, text);
  // Asking for the name is what leases it; what has none was found as a blob.
  if (image && (image->names.empty() || store.find_name(image->names.front()))) return *std::move(image);
  throw Error(Errc::not_found, cat("no such image: ", text));
}

}  // namespace cooper::cmd
