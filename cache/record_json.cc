#include "cache/record_json.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace cooper::cache {
namespace {

using Json = nlohmann::json;

// Rows are read back by us alone, so the library's own checks suffice: whatever it finds is a
// damaged row.
template <class Body>
auto telling_damage(Body&& body) {
  try {
    return body();
  } catch (const Json::exception& error) {
    throw Error(Errc::corrupt, cat("a row of the store is damaged: ", error.what()));
  }
}

Json to_json(const oci::Platform& platform) {
  return {{"os", platform.os},
          {"architecture", platform.architecture},
          {"variant", platform.variant},
          {"os.version", platform.os_version}};
}

oci::Platform platform_from(const Json& json) {
  return {.os = json.at("os"),
          .architecture = json.at("architecture"),
          .variant = json.at("variant"),
          .os_version = json.at("os.version")};
}

Json to_json(const oci::Descriptor& descriptor) {
  Json json{{"mediaType", descriptor.media_type},
            {"digest", descriptor.digest.str()},
            {"size", descriptor.size_bytes}};
  if (descriptor.platform) json["platform"] = to_json(*descriptor.platform);
  if (!descriptor.annotations.empty()) json["annotations"] = descriptor.annotations;
  if (!descriptor.urls.empty()) json["urls"] = descriptor.urls;
  if (!descriptor.artifact_type.empty()) json["artifactType"] = descriptor.artifact_type;
  return json;
}

oci::Descriptor descriptor_from(const Json& json) {
  oci::Descriptor descriptor;
  descriptor.media_type = json.at("mediaType");
  descriptor.digest = oci::BlobDigest::parse(json.at("digest").get<std::string>());
  descriptor.size_bytes = json.at("size");
  if (json.contains("platform")) descriptor.platform = platform_from(json.at("platform"));
  if (json.contains("annotations")) {
    descriptor.annotations = json.at("annotations").get<oci::Annotations>();
  }
  if (json.contains("urls")) descriptor.urls = json.at("urls").get<std::vector<std::string>>();
  if (json.contains("artifactType")) descriptor.artifact_type = json.at("artifactType");
  return descriptor;
}

// Annotations may hold any bytes a registry sent; what is no UTF-8 is replaced, as JSON cannot
// carry it.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string to_text(const oci::Descriptor& descriptor) {
  return dump(to_json(descriptor));
}

oci::Descriptor parse_descriptor(std::string_view text) {
  return telling_damage([&] { return descriptor_from(Json::parse(text)); });
}

std::string to_text(const LayerRecord& layer) {
  Json json = to_json(layer.descriptor);
  json["diffID"] = layer.diff_id.str();
  return dump(json);
}

LayerRecord parse_layer(std::string_view text) {
  return telling_damage([&] {
    const Json json = Json::parse(text);
    return LayerRecord{descriptor_from(json),
                       oci::DiffId::parse(json.at("diffID").get<std::string>())};
  });
}

}  // namespace cooper::cache
