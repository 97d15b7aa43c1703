// Uploading blobs and manifests (distribution-spec "Push").
#include <algorithm>

#include "oci/http_url.h"
#include "oci/registry_client.h"

namespace cooper::oci {
namespace {

// A registry may copy a large blob to its storage before it answers, without a byte in between.
constexpr int kCommitPatienceS = 300;

// The address of an upload session. As a redirect, it may not leave https.
std::string location_of(const HttpResponse& response, const std::string& doing) {
  const std::optional<std::string> location = response.header("location");
  if (!location) throw Error(Errc::network, cat(doing, ": the registry names no upload location"));
  return redirect_target(response.url, *location);
}

std::string uploading(const Endpoint& endpoint, const BlobDigest& digest) {
  return cat("pushing blob ", digest, " to ", endpoint.auth_host, "/", endpoint.repository);
}

// An upload session that is gone is nobody's fault and worth a new one (BLOB_UPLOAD_UNKNOWN).
[[noreturn]] void throw_upload_failure(const HttpResponse& response, const std::string& doing) {
  const StatusError error(response, doing);
  if (response.status == 404) throw TransportError(TransportError::Kind::transfer, error.message());
  throw error;
}

}  // namespace

bool RegistryClient::has_blob(const Endpoint& endpoint, const BlobDigest& digest) {
  HttpRequest request;
  request.method = "HEAD";
  const HttpResponse response =
      transport_.send(endpoint, push_scope(endpoint.repository),
                      "/v2/" + endpoint.repository + "/blobs/" + digest.str(), request);
  if (response.status == 404) return false;
  if (!response.ok()) throw StatusError(response, uploading(endpoint, digest));
  return true;
}

// The upload session that the registry opened instead; nullopt when it mounted (then `mounted` is
// true) or would do neither: mounting only saves work, so its refusal is no failure.
std::optional<std::string> RegistryClient::try_mount(const Endpoint& endpoint,
                                                     const BlobDigest& digest,
                                                     const std::string& from, bool& mounted) {
  HttpRequest request;
  request.method = "POST";
  request.body = text_body("");
  std::string path = "/v2/" + endpoint.repository + "/blobs/uploads/";
  path = with_query(with_query(path, "mount", digest.str()), "from", from);
  try {
    const HttpResponse response = transport_.send(
        endpoint, push_scope(endpoint.repository) + " " + pull_scope(from), path, request);
    mounted = response.status == 201;
    if (response.status == 202) return location_of(response, uploading(endpoint, digest));
  } catch (const Error& error) {
    if (error.code() != Errc::denied) throw;
  }
  return std::nullopt;
}

std::string RegistryClient::start_upload(const Endpoint& endpoint, const BlobDigest& digest) {
  HttpRequest request;
  request.method = "POST";
  request.body = text_body("");
  const HttpResponse response =
      transport_.send(endpoint, push_scope(endpoint.repository),
                      "/v2/" + endpoint.repository + "/blobs/uploads/", request);
  if (!response.ok()) throw StatusError(response, uploading(endpoint, digest));
  return location_of(response, uploading(endpoint, digest));
}

void RegistryClient::upload(const Endpoint& endpoint, const Descriptor& blob, BlobReader& from,
                            const std::string& location) {
  HttpRequest request;
  request.method = "PUT";
  request.headers.emplace_back("Content-Type", "application/octet-stream");
  request.body = HttpBody{blob.size_bytes, [&] { return from.open_blob(blob.digest); }};
  request.idle_timeout_s = kCommitPatienceS;
  const HttpResponse response =
      transport_.send(endpoint, push_scope(endpoint.repository),
                      with_query(location, "digest", blob.digest.str()), request);
  if (!response.ok()) throw_upload_failure(response, uploading(endpoint, blob.digest));
}

void RegistryClient::push_blob(const Reference& reference, const Descriptor& blob, BlobReader& from,
                               const std::optional<std::string>& mount_from) {
  const Endpoint endpoint = make_endpoint(reference, settings_for(reference));
  bool mount = mount_from && *mount_from != endpoint.repository;
  // Each attempt starts over: what broke may have arrived all the same, and a session is used once.
  with_retries(policy_, [&](int&) {
    if (has_blob(endpoint, blob.digest)) return;
    std::optional<std::string> location;
    if (std::exchange(mount, false)) {
      bool mounted = false;
      location = try_mount(endpoint, blob.digest, *mount_from, mounted);
      if (mounted) return;
    }
    if (!location) location = start_upload(endpoint, blob.digest);
    upload(endpoint, blob, from, *location);
  });
}

void RegistryClient::push_manifest(const Reference& reference, const Descriptor& manifest,
                                   const std::string& content) {
  const Endpoint endpoint = make_endpoint(reference, settings_for(reference));
  const std::string name = reference.tag.empty() ? manifest.digest.str() : reference.tag;
  const std::string doing = cat("pushing ", reference.str());
  HttpRequest request;
  request.method = "PUT";
  request.headers.emplace_back("Content-Type", manifest.media_type);
  request.body = text_body(content);
  const HttpResponse response = with_retries(policy_, [&](int&) {
    HttpResponse answer =
        transport_.send(endpoint, push_scope(endpoint.repository),
                        "/v2/" + endpoint.repository + "/manifests/" + name, request);
    if (!answer.ok()) throw StatusError(answer, doing);
    return answer;
  });
  const std::string stored = response.header("docker-content-digest").value_or("");
  if (stored.starts_with("sha256:") && stored != manifest.digest.str()) {
    throw Error(Errc::corrupt,
                cat(doing, ": the registry stored ", stored, " instead of ", manifest.digest));
  }
}

}  // namespace cooper::oci
