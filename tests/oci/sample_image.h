// A small image with real layers, put into a store.
#pragma once

#include <string>
#include <vector>

#include "oci/archive_tar.h"
#include "oci/image.h"
#include "oci/layout.h"
#include "tests/support/memory_blobs.h"

namespace cooper::tests {

inline std::string sample_layer(const std::string& file, const std::string& content) {
  StringSink out;
  oci::ArchiveTarWriter tar(out);
  tar.add_directory("etc/");
  tar.add_file("etc/" + file, content);
  tar.close();
  return out.text;
}

struct SampleImage {
  oci::Descriptor root;
  oci::Manifest manifest;
  oci::ImageConfig config;
};

inline SampleImage put_sample_image(oci::BlobStore& blobs, const std::string& seed = "") {
  SampleImage image;
  image.config.platform = {"linux", "amd64", "", ""};
  image.config.created = "2024-01-02T03:04:05Z";
  image.config.cmd = std::vector<std::string>{"/bin/sh"};
  for (const std::string name : {"one", "two"}) {
    const std::string layer = sample_layer(name, "content of " + name + seed);
    image.manifest.layers.push_back(oci::write_blob(blobs, oci::kLayerTarType, layer));
    image.config.diff_ids.push_back({image.manifest.layers.back().digest.value});
    image.config.history.push_back(
        {image.config.created, "COPY " + name + " /etc # buildkit", "", "", false});
  }
  image.manifest.config = oci::write_blob(blobs, oci::kConfigType, oci::to_json(image.config));
  image.root = oci::write_blob(blobs, oci::kManifestType, oci::to_json(image.manifest));
  return image;
}

inline oci::Descriptor put_sample_index(oci::BlobStore& blobs) {
  oci::Index index;
  index.manifests.push_back(put_sample_image(blobs).root);
  index.manifests.back().platform = oci::Platform{"linux", "amd64", "", ""};
  index.manifests.push_back(put_sample_image(blobs, " on arm").root);
  index.manifests.back().platform = oci::Platform{"linux", "arm", "v7", ""};
  return oci::write_blob(blobs, oci::kIndexType, oci::to_json(index));
}

}  // namespace cooper::tests
