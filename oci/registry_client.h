// The Registry that speaks HTTP. Private to oci/registry*.cc; callers use make_registry_client.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "oci/registry.h"
#include "oci/registry_error.h"
#include "oci/registry_transport.h"

namespace cooper::oci {

inline constexpr std::size_t kMaxManifestBytes =
    4 * 1024 * 1024;  // distribution-spec "Pushing Manifests"

class RegistryClient : public Registry {
 public:
  explicit RegistryClient(ClientOptions options);

  using Registry::fetch_manifest;
  FetchedManifest fetch_manifest(const Reference& reference, Lookup lookup) override;
  void fetch_blob(const Reference& reference, const Descriptor& blob, ByteSink& into) override;
  void push_blob(const Reference& reference, const Descriptor& blob, BlobReader& from,
                 const std::optional<std::string>& mount_from) override;
  void push_manifest(const Reference& reference, const Descriptor& manifest,
                     const std::string& content) override;

 private:
  RegistrySettings settings_for(const Reference& reference) const;
  // The mirrors that are not known to be dead, then the registry itself.
  std::vector<Endpoint> pull_endpoints(const Reference& reference);
  void note_failure(const Endpoint& endpoint, const Error& error);

  // body(endpoint, policy) for one endpoint after the other until one returns. A mirror gets one
  // try; the registry's own failure is the one thrown. Not resumed elsewhere once keep_trying() is
  // false.
  template <class KeepTrying, class Body>
  auto over_endpoints(const Reference& reference, KeepTrying&& keep_trying, Body&& body) {
    const std::vector<Endpoint> endpoints = pull_endpoints(reference);
    RetryPolicy once = policy_;
    once.retries = 0;
    for (std::size_t at = 0; at + 1 < endpoints.size(); ++at) {
      try {
        return body(endpoints[at], once);
      } catch (const Error& error) {
        if (error.code() == Errc::cancelled || !keep_trying()) throw;
        note_failure(endpoints[at], error);
      }
    }
    return body(endpoints.back(), policy_);
  }

  FetchedManifest fetch_manifest_at(const Endpoint& endpoint, const Reference& reference);
  bool has_blob(const Endpoint& endpoint, const BlobDigest& digest);
  std::optional<std::string> try_mount(const Endpoint& endpoint, const BlobDigest& digest,
                                       const std::string& from, bool& mounted);
  std::string start_upload(const Endpoint& endpoint, const BlobDigest& digest);
  void upload(const Endpoint& endpoint, const Descriptor& blob, BlobReader& from,
              const std::string& location);

  ClientOptions options_;
  RetryPolicy policy_;
  RegistryTransport transport_;
  Guarded<std::set<std::string>> dead_mirrors_;
};

}  // namespace cooper::oci
