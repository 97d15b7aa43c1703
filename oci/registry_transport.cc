#include "oci/registry_transport.h"

#include <algorithm>

#include "oci/http_url.h"

namespace cooper::oci {
namespace {

// Docker Hub's name in references is not where its registry lives.
constexpr std::string_view kHubHost = "registry-1.docker.io";

std::vector<Challenge> challenges_of(const HttpResponse& response) {
  std::vector<Challenge> all;
  const auto [first, last] = response.headers.equal_range("www-authenticate");
  for (auto header = first; header != last; ++header) {
    const std::vector<Challenge> some = parse_challenges(header->second);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

HttpRequest with_authorization(HttpRequest request, const std::optional<std::string>& value) {
  if (value) request.headers.emplace_back("Authorization", *value);
  return request;
}

// https may be missing there: nobody listens, or what listens speaks no TLS.
bool no_https(const TransportError& error) {
  return error.kind() == TransportError::Kind::connect || error.kind() == TransportError::Kind::tls;
}

}  // namespace

Endpoint make_endpoint(const Reference& reference, const RegistrySettings& settings) {
  if (settings.blocked) {
    throw Error(Errc::denied, cat("registry ", reference.registry, " is blocked by configuration"));
  }
  Endpoint endpoint;
  endpoint.host = reference.registry == kDockerHub ? std::string(kHubHost) : reference.registry;
  endpoint.auth_host = reference.registry;
  endpoint.repository = reference.repository;
  endpoint.http_allowed = settings.insecure || is_loopback(reference.registry);
  // Whoever may be spoken to in the clear need not prove who it is either.
  endpoint.tls = {endpoint.http_allowed, settings.ca_file, settings.client_certificate,
                  settings.client_key};
  return endpoint;
}

std::string pull_scope(const std::string& repository) {
  return "repository:" + repository + ":pull";
}
std::string push_scope(const std::string& repository) {
  return "repository:" + repository + ":pull,push";
}

RegistryTransport::RegistryTransport(const ClientOptions& options)
    : idle_timeout_s_(options.idle_timeout_s),
      stop_(options.stop),
      http_(options.user_agent),
      authenticator_(http_, options.credentials, options.stop) {}

HttpResponse RegistryTransport::send(const Endpoint& endpoint, const std::string& scopes,
                                     const std::string& target, HttpRequest request) {
  request.tls = endpoint.tls;
  request.stop = stop_;
  request.idle_timeout_s = std::max(request.idle_timeout_s, idle_timeout_s_);
  if (!target.starts_with('/')) {
    request.url = target;
    return send_with_login(endpoint, scopes, request);
  }
  std::string scheme = "https";
  bool fall_back = false;
  if (endpoint.http_allowed) {
    schemes_.with([&](auto& schemes) {
      const auto known = schemes.find(endpoint.host);
      fall_back = known == schemes.end();
      if (!fall_back) scheme = known->second;
    });
  }
  const auto send_by = [&](const std::string& chosen) {
    request.url = chosen + "://" + endpoint.host + target;
    HttpResponse response = send_with_login(endpoint, scopes, request);
    if (fall_back) schemes_.with([&](auto& schemes) { schemes[endpoint.host] = chosen; });
    return response;
  };
  if (!fall_back) return send_by(scheme);
  try {
    return send_by("https");
  } catch (const TransportError& error) {
    if (!no_https(error)) throw;
  }
  return send_by("http");
}

HttpResponse RegistryTransport::send_with_login(const Endpoint& endpoint, const std::string& scopes,
                                                const HttpRequest& request) {
  const std::string scheme = parse_url(request.url).scheme;
  if (!same_origin(request.url, scheme + "://" + endpoint.host)) {
    HttpRequest bare = request;  // an upload elsewhere, signed by its URL
    bare.tls = {};
    return http_.send(bare);
  }
  const AuthTarget target{endpoint.auth_host, scopes, endpoint.tls, endpoint.http_allowed};
  const std::optional<std::string> known = authenticator_.known(target);
  HttpResponse response = http_.send(with_authorization(request, known));
  // A challenge from where a redirect led is not the registry's.
  if (response.status != 401 || !same_origin(response.url, request.url)) return response;
  const std::vector<Challenge> challenges = challenges_of(response);
  if (challenges.empty()) return response;
  return http_.send(with_authorization(request, authenticator_.answer(target, challenges, known)));
}

}  // namespace cooper::oci
