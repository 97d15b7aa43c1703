// Images of the local store as people call them: by name, or by what begins like their ID or their manifest's digest.
// What was built without a name is remembered apart; prune takes it like all that no name reaches.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cache/store.h"
#include "oci/descriptor.h"
#include "oci/reference.h"

namespace cooper::cmd {

inline constexpr std::size_t kMetadataLimitBytes = 8 << 20;  // of a manifest, an index or a config

struct LocalImage {
  oci::Descriptor root;                 // manifest or index
  std::optional<oci::Reference> name;   // it was asked for by; nullopt: by its ID or digest
  std::vector<oci::Reference> names;    // all that it has; none: built without one
  std::string created;
};

// Every image once: those with names, then those without that are still here.
std::vector<LocalImage> local_images(cache::Store& store);
void remember_unnamed(cache::Store& store, const oci::Descriptor& root, const std::string& created);
void forget_unnamed(cache::Store& store, const oci::BlobDigest& root);

// `text`: a name, or 4 to 64 digits of an ID or digest, "sha256:" before them or not; a name comes first. What is
// damaged is found too, and nothing is leased. Error(invalid) tells the candidates where several images begin so.
std::optional<LocalImage> find_image(cache::Store& store, const std::string& text);
// The same for who reads it: it is leased. Error(not_found) quotes the text.
LocalImage local_image(cache::Store& store, const std::string& text);

// The image manifest behind a root: itself, or the entry for this machine (else the first) of an index.
oci::Descriptor image_manifest(cache::Store& store, const oci::Descriptor& root);
// As `build -q` tells it: the config's digest; of several platforms, or of a damaged image, the root's.
oci::BlobDigest image_id(cache::Store& store, const oci::Descriptor& root);

std::string joined(const std::vector<oci::Reference>& names);  // "a:1, b:2"; "no name"

}  // namespace cooper::cmd
