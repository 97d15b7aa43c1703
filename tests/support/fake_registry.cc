#include "tests/support/fake_registry.h"

#include "base/error.h"
#include "oci/auth_config.h"

namespace cooper::tests {
namespace {

// "/v2/a/b/blobs/sha256:…" is repository "a/b", kind "blobs", name "sha256:…".
struct Route {
  std::string repository;
  std::string kind;
  std::string name;
};

Route split(const std::string& path) {
  for (const std::string kind : {"blobs/uploads", "blobs", "manifests"}) {
    const std::size_t at = path.find("/" + kind + "/");
    if (at == std::string::npos || !path.starts_with("/v2/") || at < 4) continue;
    return {path.substr(4, at - 4), kind, path.substr(at + kind.size() + 2)};
  }
  return {};
}

bool writes(const std::string& method) {
  return method != "GET" && method != "HEAD";
}

std::string scope_of(const ServerRequest& request) {
  return "repository:" + split(request.path).repository + ":" +
         (writes(request.method) ? "pull,push" : "pull");
}

}  // namespace

ServerResponse registry_error(int status, const std::string& code, const std::string& message) {
  ServerResponse response;
  response.status = status;
  response.headers = {{"Content-Type", "application/json"}};
  response.body = cat(R"({"errors":[{"code":")", code, R"(","message":")", message, R"("}]})");
  return response;
}

FakeRegistry::FakeRegistry(Options options)
    : options_(std::move(options)),
      server_(std::make_unique<HttpServer>(
          [this](const ServerRequest& request) { return handle(request); })) {}

std::size_t FakeRegistry::count(const std::string& method, const std::string& path_part) const {
  std::size_t found = 0;
  for (const ServerRequest& request : server_->requests()) {
    if (request.method == method && request.target.find(path_part) != std::string::npos) ++found;
  }
  return found;
}

oci::Descriptor FakeRegistry::put_blob(const std::string& repository, const std::string& content) {
  oci::Descriptor descriptor;
  descriptor.media_type = oci::kLayerTarType;
  descriptor.digest = {oci::sha256(content)};
  descriptor.size_bytes = content.size();
  state_.with([&](State& state) {
    state.repositories[repository].blobs[descriptor.digest.str()] = content;
  });
  return descriptor;
}

oci::Descriptor FakeRegistry::put_manifest(const std::string& repository, const std::string& tag,
                                           std::string_view media_type,
                                           const std::string& content) {
  oci::Descriptor descriptor;
  descriptor.media_type = media_type;
  descriptor.digest = {oci::sha256(content)};
  descriptor.size_bytes = content.size();
  state_.with([&](State& state) {
    Repository& there = state.repositories[repository];
    there.manifests[descriptor.digest.str()] = {descriptor.media_type, content};
    if (!tag.empty()) there.tags[tag] = descriptor.digest.str();
  });
  return descriptor;
}

bool FakeRegistry::has_blob(const std::string& repository, const oci::BlobDigest& digest) const {
  return state_.with([&](const State& state) {
    const auto found = state.repositories.find(repository);
    return found != state.repositories.end() && found->second.blobs.contains(digest.str());
  });
}

std::string FakeRegistry::blob(const std::string& repository, const oci::BlobDigest& digest) const {
  return state_.with(
      [&](const State& state) { return state.repositories.at(repository).blobs.at(digest.str()); });
}

std::optional<std::string> FakeRegistry::manifest(const std::string& repository,
                                                  const std::string& name) const {
  return state_.with([&](const State& state) -> std::optional<std::string> {
    const auto there = state.repositories.find(repository);
    if (there == state.repositories.end()) return std::nullopt;
    const auto tag = there->second.tags.find(name);
    const auto found =
        there->second.manifests.find(tag == there->second.tags.end() ? name : tag->second);
    if (found == there->second.manifests.end()) return std::nullopt;
    return found->second.content;
  });
}

void FakeRegistry::revoke_tokens() {
  state_.with([](State& state) { state.tokens.clear(); });
}

ServerResponse FakeRegistry::handle(const ServerRequest& request) {
  const int nth =
      state_.with([&](State& state) { return ++state.counts[request.method + request.path]; });
  if (options_.intercept) {
    if (auto response = options_.intercept(request, nth)) return *std::move(response);
  }
  ServerResponse response = state_.with([&](State& state) { return route(state, request); });
  if (options_.tamper) options_.tamper(request, nth, response);
  return response;
}

ServerResponse FakeRegistry::route(State& state, const ServerRequest& request) {
  if (request.path == "/token") return token(state, request);
  if (!allowed(state, request)) return challenge(request);
  const Route where = split(request.path);
  if (where.kind.empty())
    return request.path == "/v2/" ? ServerResponse{} : registry_error(404, "NO", "no such page");
  if (where.kind == "blobs/uploads") return uploads(state, where.repository, where.name, request);
  Repository& repository = state.repositories[where.repository];
  if (where.kind == "manifests") return manifests(repository, where.name, request);
  const auto found = repository.blobs.find(where.name);
  if (found == repository.blobs.end())
    return registry_error(404, "BLOB_UNKNOWN", "blob unknown to registry");
  return get_blob(found->second, request);
}

ServerResponse FakeRegistry::token(State& state, const ServerRequest& request) {
  const std::string basic =
      "Basic " + oci::encode_base64(options_.username + ":" + options_.password);
  const bool refreshed =
      request.method == "POST" && !options_.refresh_token.empty() &&
      request.body.find("refresh_token=" + options_.refresh_token) != std::string::npos;
  const bool known = refreshed || request.header("authorization") == basic;
  std::string scopes;  // of a repeated parameter all count
  for (std::size_t at = request.target.find("scope="); at != std::string::npos;
       at = request.target.find("scope=", at + 1)) {
    scopes += request.target.substr(at, request.target.find('&', at) - at) + " ";
  }
  const bool anonymous = options_.anonymous_pull && request.header("authorization").empty() &&
                         scopes.find("push") == std::string::npos;
  if (!known && !anonymous)
    return registry_error(401, "UNAUTHORIZED", "incorrect username or password");
  const std::string value = cat("token-", ++state.serial);
  state.tokens[value] = scopes + request.body;
  ServerResponse response;
  response.body = cat(R"({"token":")", value, R"(","expires_in":300})");
  return response;
}

bool FakeRegistry::allowed(const State& state, const ServerRequest& request) const {
  const std::string given = request.header("authorization");
  if (options_.login == Login::none) return true;
  if (options_.login == Login::basic) {
    return given == "Basic " + oci::encode_base64(options_.username + ":" + options_.password);
  }
  if (!given.starts_with("Bearer ")) return false;
  const auto token = state.tokens.find(given.substr(7));
  return token != state.tokens.end() &&
         (!writes(request.method) || token->second.find("push") != std::string::npos);
}

ServerResponse FakeRegistry::challenge(const ServerRequest& request) const {
  ServerResponse response = registry_error(401, "UNAUTHORIZED", "authentication required");
  const std::string value =
      options_.login == Login::basic
          ? std::string(R"(Basic realm="fake")")
          : cat(R"(Bearer realm="http://)", server_->authority(),
                R"(/token",service="fake",scope=")", scope_of(request), R"(")");
  response.headers.emplace_back("WWW-Authenticate", value);
  return response;
}

ServerResponse FakeRegistry::get_blob(const std::string& content,
                                      const ServerRequest& request) const {
  ServerResponse response;
  const std::string range = request.header("range");  // "bytes=5-"
  if (range.empty() || !options_.ranges) {
    response.body = content;
    return response;
  }
  const std::size_t from = std::stoul(range.substr(6));
  if (from >= content.size()) return registry_error(416, "RANGE", "out of range");
  response.status = 206;
  response.headers = {
      {"Content-Range", cat("bytes ", from, "-", content.size() - 1, "/", content.size())}};
  response.body = content.substr(from);
  return response;
}

ServerResponse FakeRegistry::manifests(Repository& repository, const std::string& name,
                                       const ServerRequest& request) {
  ServerResponse response;
  if (request.method == "PUT") {
    const std::string digest = oci::sha256(request.body).str();
    repository.manifests[digest] = {request.header("content-type"), request.body};
    if (!name.starts_with("sha256:")) repository.tags[name] = digest;
    response.status = 201;
    response.headers = {{"Docker-Content-Digest", digest}};
    return response;
  }
  const auto tag = repository.tags.find(name);
  const auto found = repository.manifests.find(tag == repository.tags.end() ? name : tag->second);
  if (found == repository.manifests.end()) {
    return registry_error(404, "MANIFEST_UNKNOWN", "manifest unknown");
  }
  response.headers = {{"Content-Type", found->second.media_type},
                      {"Docker-Content-Digest", found->first}};
  response.body = found->second.content;
  return response;
}

ServerResponse FakeRegistry::uploads(State& state, const std::string& repository,
                                     const std::string& session, const ServerRequest& request) {
  ServerResponse response;
  if (request.method == "POST") {
    const auto from = request.query.find("from");
    const auto mount = request.query.find("mount");
    if (options_.mounts && from != request.query.end() && mount != request.query.end()) {
      const auto& source = state.repositories[from->second].blobs;
      const auto found = source.find(mount->second);
      if (found != source.end()) {
        state.repositories[repository].blobs.insert(*found);
        response.status = 201;
        return response;
      }
    }
    const std::string name = cat("session-", ++state.serial);
    state.sessions[name] = repository;
    const std::string base = options_.absolute_locations ? "http://" + server_->authority() : "";
    response.status = 202;
    response.headers = {
        {"Location", cat(base, "/v2/", repository, "/blobs/uploads/", name, "?state=a%2Fb")}};
    return response;
  }
  const auto open = state.sessions.find(session);
  if (open == state.sessions.end() || request.query.count("state") == 0 ||
      request.query.at("state") != "a/b") {
    return registry_error(404, "BLOB_UPLOAD_UNKNOWN", "upload session unknown");
  }
  state.sessions.erase(open);
  const std::string digest = oci::sha256(request.body).str();
  if (request.method != "PUT" || request.query.count("digest") == 0 ||
      request.query.at("digest") != digest) {
    return registry_error(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
  }
  state.repositories[repository].blobs[digest] = request.body;
  response.status = 201;
  response.headers = {{"Docker-Content-Digest", digest}};
  return response;
}

}  // namespace cooper::tests
