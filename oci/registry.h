// Registries (distribution-spec): pull and push over HTTP. The seam that fakes implement in tests.
#pragma once

#include <chrono>
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

// A host whose name has no address: looked up again after a while, or, for who has another answer
// at hand, reported at once (the resolver has its own retries).
enum class Lookup { again, once };

class Registry {
 public:
  virtual ~Registry() = default;
  // By tag or digest (the digest wins and is verified). Error(not_found) when the registry answers
  // that there is none; Error(network) when it does not answer; Error(denied) for 401/403.
  virtual FetchedManifest fetch_manifest(const Reference& reference, Lookup lookup) = 0;
  FetchedManifest fetch_manifest(const Reference& reference) {
    return fetch_manifest(reference, Lookup::again);
  }
  // Streams one blob of reference's repository into `into`: exactly its size or Error. Not
  // verified: the caller's sink does that (DigestSink, BlobWriter::commit). Retried and resumed
  // inside, so `into` sees each byte once; finish() is the caller's. What `into` throws comes
  // through. Error(not_found) names the blob and the repository.
  virtual void fetch_blob(const Reference& reference, const Descriptor& blob, ByteSink& into) = 0;
  // Uploads unless present; `mount_from` (a repository of the same registry) is tried first.
  virtual void push_blob(const Reference& reference, const Descriptor& blob, BlobReader& from,
                         const std::optional<std::string>& mount_from) = 0;
  virtual void push_manifest(const Reference& reference, const Descriptor& manifest,
                             const std::string& content) = 0;
};

// -- configuration: values, filled by cmd from docker config.json, auth.json and registries.conf
// -------
struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;  // OAuth2 refresh token; wins when set
};

struct RegistrySettings {
  bool insecure = false;  // plain http, and untrusted TLS
  bool blocked = false;
  std::vector<std::string> mirrors;  // tried first, in order ("host:port/prefix")
  // Host paths, "" for none (certs.d): authorities that replace the system's, and our own identity.
  std::string ca_file;
  std::string client_certificate;
  std::string client_key;
};

struct ClientOptions {
  std::string user_agent = "cooper";
  // Looked up by registry host ("docker.io", "localhost:5000"); nullopt: anonymous.
  std::function<std::optional<Credentials>(const std::string& host)> credentials;
  std::function<RegistrySettings(const Reference&)> settings;
  int retries = 3;          // after the first failure; a blob that advances earns new ones
  int idle_timeout_s = 60;  // a transfer without a byte for so long counts as failed
  std::stop_token stop;     // ends what is under way with Error(cancelled)
  // Waits between retries; by default a sleep that `stop` ends. A test passes its own.
  std::function<void(std::chrono::milliseconds)> sleep;
};

// Thread-safe. Nothing is loaded or opened before the first call. Registries on the loopback
// interface are insecure by default, as for Docker; insecure means https with any certificate, else
// http. Mirrors are asked for manifests and blobs, never pushed to.
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
ResolvedImage resolve_image(Registry& registry, const Reference& reference,
                            const Platform& platform);

// Chooses from an index; nullopt when nothing matches. Attestation entries (platform unknown) never
// match.
std::optional<Descriptor> select_manifest(const Index& index, const Platform& platform);

// Where a blob may be mounted from: another repository of the same registry, or nullopt.
using MountSource = std::function<std::optional<std::string>(const Descriptor&)>;

// Pushes root and all that it reaches out of `blobs`; blobs in parallel (at most `parallel`),
// manifests last, children before parents, the tag with the last one. The first failure stops the
// rest and is thrown. Non-distributable (foreign) layers stay where they are.
void push_image(Registry& registry, const Reference& reference, const Descriptor& root,
                BlobReader& blobs, int parallel = 4, const MountSource& mount_from = {});

}  // namespace cooper::oci
