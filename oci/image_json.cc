// Manifests and indexes as JSON (image-spec manifest.md, image-index.md; Docker's v2s2 twins).
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "oci/image.h"
#include "oci/json_value.h"

namespace cooper::oci {
namespace {

using OrderedJson = nlohmann::ordered_json;

// Go's printer puts U+FFFD for bytes that are no UTF-8; so do we, rather than fail on a label.
std::string print(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

Annotations read_annotations(const JsonCursor& owner) {
  Annotations annotations;
  if (const auto found = owner.find("annotations")) {
    for (const auto& [key, value] : found->members())
      annotations.insert_or_assign(key, value.text());
  }
  return annotations;
}

BlobDigest read_digest(const JsonCursor& cursor) {
  try {
    return BlobDigest::parse(cursor.text());
  } catch (const Error& error) {
    if (error.code() == Errc::unsupported) throw;
    cursor.fail(cat("is damaged: ", error.message()));
  }
}

Platform read_platform(const JsonCursor& cursor) {
  Platform platform;
  platform.os = cursor.at("os").text();
  platform.architecture = cursor.at("architecture").text();
  platform.variant = cursor.text_or_empty("variant");
  platform.os_version = cursor.text_or_empty("os.version");
  return platform;
}

Descriptor read_descriptor(const JsonCursor& cursor) {
  Descriptor descriptor;
  descriptor.media_type = cursor.at("mediaType").text();
  descriptor.digest = read_digest(cursor.at("digest"));
  descriptor.size_bytes = cursor.at("size").size_bytes();
  if (const auto platform = cursor.find("platform")) descriptor.platform = read_platform(*platform);
  descriptor.annotations = read_annotations(cursor);
  descriptor.urls = cursor.strings_or_empty("urls");
  descriptor.artifact_type = cursor.text_or_empty("artifactType");
  return descriptor;
}

OrderedJson write_platform(const Platform& platform) {
  OrderedJson json;
  json["architecture"] = platform.architecture;
  json["os"] = platform.os;
  if (!platform.os_version.empty()) json["os.version"] = platform.os_version;
  if (!platform.variant.empty()) json["variant"] = platform.variant;
  return json;
}

OrderedJson write_descriptor(const Descriptor& descriptor) {
  OrderedJson json;
  json["mediaType"] = descriptor.media_type;
  json["digest"] = descriptor.digest.str();
  json["size"] = descriptor.size_bytes;
  if (!descriptor.urls.empty()) json["urls"] = descriptor.urls;
  if (!descriptor.annotations.empty()) json["annotations"] = descriptor.annotations;
  if (descriptor.platform) json["platform"] = write_platform(*descriptor.platform);
  if (!descriptor.artifact_type.empty()) json["artifactType"] = descriptor.artifact_type;
  return json;
}

void check_schema(const JsonCursor& root, const std::string& name) {
  const JsonCursor version = root.at("schemaVersion");
  const std::int64_t number = version.integer();
  if (number == 1) {
    throw Error(Errc::unsupported,
                cat(name,
                    ": Docker schema 1 manifests are not supported; push the image again with a "
                    "current tool"));
  }
  if (number != 2) version.fail("must be 2");
}

// One document must not be readable as manifest and as index: two tools that pick differently would
// see two images behind one digest (CVE-2021-41190).
void refuse_ambiguity(const JsonCursor& root, std::initializer_list<std::string_view> foreign) {
  for (const std::string_view member : foreign) {
    if (root.find(member)) root.fail(cat("must not have the member \"", member, "\""));
  }
}

}  // namespace

Manifest parse_manifest(std::string_view json, const std::string& name) {
  const JsonValue value = parse_json(json, name);
  const JsonCursor root(value, name);
  check_schema(root, name);
  refuse_ambiguity(root, {"manifests", "fsLayers"});
  Manifest manifest;
  if (const auto type = root.find("mediaType")) {
    manifest.media_type = type->text();
    if (!is_manifest_type(manifest.media_type)) {
      type->fail(cat("must be that of a manifest, not \"", manifest.media_type, "\""));
    }
  }
  manifest.config = read_descriptor(root.at("config"));
  if (const auto layers = root.find("layers")) {  // null for an image without layers
    for (const JsonCursor& layer : layers->elements()) {
      manifest.layers.push_back(read_descriptor(layer));
    }
  }
  manifest.annotations = read_annotations(root);
  manifest.artifact_type = root.text_or_empty("artifactType");
  if (const auto subject = root.find("subject")) manifest.subject = read_descriptor(*subject);
  return manifest;
}

Index parse_index(std::string_view json, const std::string& name) {
  const JsonValue value = parse_json(json, name);
  const JsonCursor root(value, name);
  check_schema(root, name);
  refuse_ambiguity(root, {"config", "layers", "fsLayers"});
  Index index;
  if (const auto type = root.find("mediaType")) {
    index.media_type = type->text();
    if (!is_index_type(index.media_type)) {
      type->fail(cat("must be that of an index, not \"", index.media_type, "\""));
    }
  }
  if (const auto manifests = root.find("manifests")) {
    for (const JsonCursor& entry : manifests->elements()) {
      index.manifests.push_back(read_descriptor(entry));
    }
  }
  index.annotations = read_annotations(root);
  return index;
}

std::string to_json(const Manifest& manifest) {
  OrderedJson json;
  json["schemaVersion"] = 2;
  json["mediaType"] = manifest.media_type;
  if (!manifest.artifact_type.empty()) json["artifactType"] = manifest.artifact_type;
  json["config"] = write_descriptor(manifest.config);
  OrderedJson layers = OrderedJson::array();
  for (const Descriptor& layer : manifest.layers) layers.push_back(write_descriptor(layer));
  json["layers"] = std::move(layers);
  if (manifest.subject) json["subject"] = write_descriptor(*manifest.subject);
  if (!manifest.annotations.empty()) json["annotations"] = manifest.annotations;
  return print(json);
}

std::string to_json(const Index& index) {
  OrderedJson json;
  json["schemaVersion"] = 2;
  json["mediaType"] = index.media_type;
  OrderedJson manifests = OrderedJson::array();
  for (const Descriptor& entry : index.manifests) manifests.push_back(write_descriptor(entry));
  json["manifests"] = std::move(manifests);
  if (!index.annotations.empty()) json["annotations"] = index.annotations;
  return print(json);
}

}  // namespace cooper::oci
