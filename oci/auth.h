// Logging in to registries: basic, and tokens (distribution-spec has none; the scheme is
// distribution.github.io/distribution/spec/auth/token/).
//
// Tokens are kept per registry and scope, renewed when they run out or are rejected, and fetched by
// one thread while the others that need the same one wait. Credentials go to the realm the registry
// names (that is the protocol), but to http only where http is allowed.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "oci/auth_challenge.h"
#include "oci/auth_config.h"
#include "oci/http.h"
#include "oci/registry.h"

namespace cooper::oci {

// What one request needs.
struct AuthTarget {
  std::string host;    // as credentials are looked up: "docker.io", "localhost:5000"
  std::string scopes;  // separated by blanks: "repository:a/b:pull,push repository:c:pull"
  TlsOptions tls;      // the registry's
  bool allow_http = false;
};

class Authenticator {
 public:
  using Lookup = std::function<std::optional<Credentials>(const std::string& host)>;
  Authenticator(HttpClient& http, Lookup lookup, std::stop_token stop);

  // The Authorization value to send at once, or nullopt before the registry ever asked for one.
  std::optional<std::string> known(const AuthTarget& target);
  // After a 401: a new value. `rejected` is what was sent. Error(denied) when there is nothing to
  // answer with.
  std::string answer(const AuthTarget& target, const std::vector<Challenge>& challenges,
                     const std::optional<std::string>& rejected);

 private:
  struct Slot {  // of one (host, scopes); its mutex is held while a token is fetched
    std::mutex mutex;
    std::string value;  // "" for none
    std::chrono::steady_clock::time_point expires;
  };
  struct State {
    std::map<std::string, std::shared_ptr<Slot>> slots;
    std::map<std::string, std::vector<Challenge>> challenges;  // by host: saves the next 401
  };

  std::shared_ptr<Slot> slot_for(const AuthTarget& target);
  void obtain(const AuthTarget& target, const std::vector<Challenge>& challenges,
              const std::optional<std::string>& rejected, Slot& slot);
  void fetch_token(const AuthTarget& target, const Challenge& challenge, Slot& slot);
  HttpRequest token_request(const AuthTarget& target, const Challenge& challenge) const;

  HttpClient& http_;
  Lookup lookup_;
  std::stop_token stop_;
  Guarded<State> state_;
};

}  // namespace cooper::oci
