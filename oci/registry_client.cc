#include "oci/registry_client.h"

#include <utility>

namespace cooper::oci {
namespace {

Reference on_mirror(const Reference& reference, const std::string& mirror) {
  const std::size_t slash = mirror.find('/');
  Reference moved = reference;
  moved.registry = mirror.substr(0, slash);
  if (slash != std::string::npos)
    moved.repository = mirror.substr(slash + 1) + "/" + reference.repository;
  return moved;
}

}  // namespace

RegistryClient::RegistryClient(ClientOptions options)
    : options_(std::move(options)),
      policy_{options_.retries, options_.sleep, options_.stop},
      transport_(options_) {}

RegistrySettings RegistryClient::settings_for(const Reference& reference) const {
  return options_.settings ? options_.settings(reference) : RegistrySettings{};
}

std::vector<Endpoint> RegistryClient::pull_endpoints(const Reference& reference) {
  const RegistrySettings settings = settings_for(reference);
  const Endpoint own =
      make_endpoint(reference, settings);  // first: a blocked registry has no mirrors
  std::vector<Endpoint> endpoints;
  for (const std::string& mirror : settings.mirrors) {
    const Reference there = on_mirror(reference, mirror);
    const RegistrySettings mirror_settings = settings_for(there);
    const bool dead =
        dead_mirrors_.with([&](const auto& hosts) { return hosts.contains(there.registry); });
    if (!dead && !mirror_settings.blocked)
      endpoints.push_back(make_endpoint(there, mirror_settings));
  }
  endpoints.push_back(own);
  return endpoints;
}

void RegistryClient::note_failure(const Endpoint& endpoint, const Error& error) {
  const auto* transport = dynamic_cast<const TransportError*>(&error);
  if (transport == nullptr || transport->kind() == TransportError::Kind::transfer) return;
  dead_mirrors_.with([&](auto& hosts) { hosts.insert(endpoint.auth_host); });
}

std::unique_ptr<Registry> make_registry_client(ClientOptions options) {
  return std::make_unique<RegistryClient>(std::move(options));
}

}  // namespace cooper::oci
