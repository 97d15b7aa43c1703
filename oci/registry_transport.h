// Requests to one registry: its address, https or http, its login. Private to oci/registry*.cc.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/guarded.h"
#include "oci/auth.h"
#include "oci/http.h"
#include "oci/registry.h"

namespace cooper::oci {

// A registry, or a mirror of it, as one repository is reached there.
struct Endpoint {
  std::string host;        // to connect to: "registry-1.docker.io", "localhost:5000"
  std::string auth_host;   // as credentials are looked up: "docker.io", "localhost:5000"
  std::string repository;  // as it is named there
  TlsOptions tls;
  bool http_allowed = false;
};
// Error(denied) when the settings block it.
Endpoint make_endpoint(const Reference& reference, const RegistrySettings& settings);

std::string pull_scope(const std::string& repository);
std::string push_scope(const std::string& repository);

class RegistryTransport {
 public:
  explicit RegistryTransport(const ClientOptions& options);

  // Sends request to `target`: a path of the registry ("/v2/…") or a whole URL it gave us, which
  // sees our login only when it is the registry's own. One 401 is answered; the second is the
  // result.
  HttpResponse send(const Endpoint& endpoint, const std::string& scopes, const std::string& target,
                    HttpRequest request);

 private:
  HttpResponse send_with_login(const Endpoint& endpoint, const std::string& scopes,
                               const HttpRequest& request);

  int idle_timeout_s_;
  std::stop_token stop_;
  HttpClient http_;
  Authenticator authenticator_;
  Guarded<std::map<std::string, std::string>> schemes_;  // by host, what answered
};

}  // namespace cooper::oci
