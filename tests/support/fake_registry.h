// A registry in memory over HttpServer: pull, push with upload sessions, mounts, logins, faults.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "oci/digest.h"
#include "oci/registry.h"
#include "tests/support/http_server.h"

namespace cooper::tests {

struct FakeRegistryOptions {
  enum class Login { none, basic, token };
  Login login = Login::none;
  std::string username = "user";
  std::string password = "secret";
  std::string refresh_token;    // accepted by POST when set
  bool anonymous_pull = false;  // the token server grants pull without credentials
  bool ranges = true;           // false: Range is ignored
  bool mounts = true;
  bool absolute_locations = false;  // of upload sessions
  // Answers in the registry's place when it returns a response; `nth` counts this "METHOD path"
  // from 1.
  std::function<std::optional<ServerResponse>(const ServerRequest&, int nth)> intercept;
  // Changes what the registry was about to answer.
  std::function<void(const ServerRequest&, int nth, ServerResponse&)> tamper;
};

class FakeRegistry {
 public:
  using Options = FakeRegistryOptions;
  using Login = Options::Login;

  explicit FakeRegistry(Options options = {});

  std::string host() const { return server_->authority(); }
  const HttpServer& server() const { return *server_; }
  // Requests so far of that method whose target contains path_part.
  std::size_t count(const std::string& method, const std::string& path_part) const;

  oci::Descriptor put_blob(const std::string& repository, const std::string& content);
  oci::Descriptor put_manifest(const std::string& repository, const std::string& tag,
                               std::string_view media_type, const std::string& content);
  bool has_blob(const std::string& repository, const oci::BlobDigest& digest) const;
  std::string blob(const std::string& repository, const oci::BlobDigest& digest) const;
  // By tag or digest; nullopt when absent.
  std::optional<std::string> manifest(const std::string& repository, const std::string& name) const;
  // Tokens given so far stop working.
  void revoke_tokens();

 private:
  struct Stored {
    std::string media_type;
    std::string content;
  };
  struct Repository {
    std::map<std::string, std::string> blobs;  // by digest
    std::map<std::string, Stored> manifests;   // by digest
    std::map<std::string, std::string> tags;   // to digest
  };
  struct State {
    std::map<std::string, Repository> repositories;
    std::map<std::string, std::string> sessions;  // name to repository
    std::map<std::string, std::string> tokens;    // value to scopes
    std::map<std::string, int> counts;
    int serial = 0;
  };

  ServerResponse handle(const ServerRequest& request);
  ServerResponse route(State& state, const ServerRequest& request);
  ServerResponse token(State& state, const ServerRequest& request);
  bool allowed(const State& state, const ServerRequest& request) const;
  ServerResponse challenge(const ServerRequest& request) const;
  ServerResponse get_blob(const std::string& content, const ServerRequest& request) const;
  ServerResponse manifests(Repository& repository, const std::string& name,
                           const ServerRequest& request);
  ServerResponse uploads(State& state, const std::string& repository, const std::string& session,
                         const ServerRequest& request);

  Options options_;
  Guarded<State> state_;
  std::unique_ptr<HttpServer> server_;  // last: its threads use the rest
};

ServerResponse registry_error(int status, const std::string& code, const std::string& message);

}  // namespace cooper::tests
