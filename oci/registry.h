// Registries (distribution-spec): pull and push over HTTP. The seam that fakes implement in tests.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "oci/blob_store.h"
#include "oci/descriptor.h"
#include "oci/image.h"
#include "oci/reference.h"

namespace cooper::oci {

struct FetchedManifest {
  Descriptor descriptor;  // media type as served, digest of the bytes, size
  std::string content;
};

class Registry {
 public:
  virtual ~Registry() = default;
  // By tag or digest (the digest wins and is verified). Error(not_found) when the registry answers that
  // there is none; Error(network) when it does not answer; Error(denied) for 401/403.
  virtual FetchedManifest fetch_manifest(const Reference& reference) = 0;
  // Streams one blob of reference's repository into `into`; verified by the caller's wrapping
  // (pull() below does it); retried and resumed inside, so `into` sees each byte once.
  virtual void fetch_blob(const Reference& reference, const Descriptor& blob, ByteSink& into) = 0;
  // Uploads unless present; `mount_from` (a repository of the same registry) is tried first.
  virtual void push_blob(const Reference& reference, const Descriptor& blob, BlobReader& from,
                         const std::optional<std::string>& mount_from) = 0;
  virtual void push_manifest(const Reference& reference, const Descriptor& manifest,
                             const std::string& content) = 0;
};

// -- configuration: values, filled by cmd from docker config.json, auth.json and registries.conf -------
struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;  // OAuth2 refresh token; wins when set
};

struct RegistrySettings {
  bool insecure = false;  // plain http, and untrusted TLS
  bool blocked = false;
  std::vector<std::string> mirrors;  // tried first, in order ("host:port/prefix")
};

struct ClientOptions {
  std::string user_agent = "cooper";
  // Looked up by registry host ("docker.io", "localhost:5000"); nullopt: anonymous.
  std::function<std::optional<Credentials>(const std::string& host)> credentials;
  std::function<RegistrySettings(const Reference&)> settings;
  int retries = 3;
  std::stop_token stop;
};

std::unique_ptr<Registry> make_registry_client(ClientOptions options);

// -- whole images ---------------------------------------------------------------------------------
// Resolves reference to one manifest for `platform`: an index is searched (FROM-21: no entry is
// Error(not_found) "no match for platform in manifest"), a single manifest is taken as it is.
struct ResolvedImage {
  Descriptor manifest_descriptor;
  std::string manifest_json;
  Manifest manifest;
  std::string config_json;
  ImageConfig config;
};
ResolvedImage resolve_image(Registry& registry, const Reference& reference, const Platform& platform);

// Chooses from an index; nullopt when nothing matches. Attestation entries (platform unknown) never match.
std::optional<Descriptor> select_manifest(const Index& index, const Platform& platform);

// Pushes root and all that it reaches out of `blobs`; blobs in parallel (at most `parallel`), manifests
// last, children before parents.
void push_image(Registry& registry, const Reference& reference, const Descriptor& root, BlobReader& blobs,
                int parallel = 4);

}  // namespace cooper::oci
