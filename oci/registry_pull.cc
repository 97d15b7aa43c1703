// Fetching manifests and blobs (distribution-spec "Pull").
#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "oci/registry_client.h"

namespace cooper::oci {
namespace {

constexpr std::string_view kSchema1Prefix = "application/vnd.docker.distribution.manifest.v1+";
// An attempt that brought this much earns a blob its full number of retries again.
constexpr std::uint64_t kProgressBytes = 1024 * 1024;

std::string accepted_types() {
  std::string types;
  for (const std::string_view type :
       {kManifestType, kIndexType, kDockerManifestType, kDockerListType}) {
    types.append(types.empty() ? "" : ", ").append(type);
  }
  return types;
}

// The manifest's type by its header, or by its own member where the header says nothing. Bytes that
// could be read as manifest and as index are refused: the reader would choose (CVE-2021-41190).
std::string media_type_of(const HttpResponse& response, const std::string& name) {
  const nlohmann::json content = nlohmann::json::parse(response.body, nullptr, false);
  if (!content.is_object())
    throw Error(Errc::corrupt, cat(name, ": the manifest is not a JSON object"));
  if (content.contains("manifests") && (content.contains("layers") || content.contains("config"))) {
    throw Error(Errc::corrupt, cat(name, ": the manifest claims to be an index as well"));
  }
  std::string header = response.header("content-type").value_or("");
  header = header.substr(0, header.find(';'));
  header.erase(header.find_last_not_of(' ') + 1);
  if (header.starts_with(kSchema1Prefix)) {
    throw Error(Errc::unsupported, cat(name, ": Docker schema 1 manifests are not supported"));
  }
  std::string own;
  if (content.contains("mediaType") && content["mediaType"].is_string()) own = content["mediaType"];
  const bool header_known = is_manifest_type(header) || is_index_type(header);
  if (header_known && !own.empty() && is_index_type(header) != is_index_type(own)) {
    throw Error(Errc::corrupt, cat(name, ": served as ", header, " but says it is ", own));
  }
  if (header_known || own.empty()) return header;
  return own;
}

void verify_digest(const Reference& reference, const HttpResponse& response,
                   const BlobDigest& actual) {
  if (reference.digest && *reference.digest != actual) {
    throw Error(Errc::corrupt,
                cat("the manifest of ", reference.str(), " arrived with digest ", actual));
  }
  const std::string served = response.header("docker-content-digest").value_or("");
  if (served.starts_with("sha256:") && served != actual.str()) {
    throw Error(Errc::corrupt, cat("the manifest of ", reference.str(), " was announced as ",
                                   served, " but arrived as ", actual));
  }
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Passes on what the wrapped sink has not seen yet, over any number of attempts.
class ResumingSink : public ByteSink {
 public:
  ResumingSink(ByteSink& next, const Descriptor& blob, std::string what)
      : next_(next), size_bytes_(blob.size_bytes), what_(std::move(what)) {}

  std::uint64_t delivered() const noexcept { return delivered_; }
  bool complete() const noexcept { return delivered_ == size_bytes_; }
  // The wrapped sink threw: no attempt can mend that.
  bool broken() const noexcept { return broken_; }

  // Where this answer starts: at the byte asked for, or at 0 if the server ignores Range.
  void begin(const HttpResponse& response) {
    if (response.status != 206) {
      skip_bytes_ = delivered_;
      const auto length = number(response.header("content-length").value_or(""));
      if (length && *length != size_bytes_) fail(cat("is ", *length, " bytes long there"));
      return;
    }
    skip_bytes_ = 0;
    std::string range = response.header("content-range").value_or("");  // "bytes 5-9/10"
    const std::size_t dash = range.find('-');
    const bool bytes = range.starts_with("bytes ") && dash != std::string::npos;
    if (!bytes || number(range.substr(6, dash - 6)) != delivered_) {
      fail(cat("was asked for from byte ", delivered_, " and arrived as another range"));
    }
  }

  void write(Bytes bytes) override {
    const std::uint64_t skipped = std::min<std::uint64_t>(skip_bytes_, bytes.size());
    skip_bytes_ -= skipped;
    bytes = bytes.subspan(skipped);
    const std::uint64_t wanted = std::min<std::uint64_t>(size_bytes_ - delivered_, bytes.size());
    if (wanted > 0) pass_on(bytes.first(wanted));
    if (bytes.size() > wanted) throw Error(Errc::network, message("is longer there"));
  }

  void end() const {
    if (!complete()) fail(cat("ended after ", delivered_, " bytes"));
  }

 private:
  void pass_on(Bytes bytes) {
    broken_ = true;
    next_.write(bytes);
    broken_ = false;
    delivered_ += bytes.size();
  }
  std::string message(const std::string& problem) const {
    return cat(what_, " (", size_bytes_, " bytes) ", problem);
  }
  [[noreturn]] void fail(const std::string& problem) const {
    throw TransportError(TransportError::Kind::transfer, message(problem));
  }

  ByteSink& next_;
  std::uint64_t size_bytes_;
  std::string what_;
  std::uint64_t delivered_ = 0;
  std::uint64_t skip_bytes_ = 0;
  bool broken_ = false;
};

}  // namespace

FetchedManifest RegistryClient::fetch_manifest_at(const Endpoint& endpoint,
                                                  const Reference& reference) {
  const std::string name = reference.digest ? reference.digest->str() : reference.tag;
  HttpRequest request;
  request.headers.emplace_back("Accept", accepted_types());
  request.body_limit_bytes = kMaxManifestBytes;
  const HttpResponse response =
      transport_.send(endpoint, pull_scope(endpoint.repository),
                      "/v2/" + endpoint.repository + "/manifests/" + name, request);
  if (response.status != 200) throw StatusError(response, reference.str());
  const BlobDigest digest{sha256(response.body)};
  verify_digest(reference, response, digest);
  FetchedManifest fetched;
  fetched.descriptor.media_type = media_type_of(response, reference.str());
  fetched.descriptor.digest = digest;
  fetched.descriptor.size_bytes = response.body.size();
  fetched.content = response.body;
  return fetched;
}

FetchedManifest RegistryClient::fetch_manifest(const Reference& reference, Lookup lookup) {
  const auto keep_trying = [] { return true; };
  return over_endpoints(reference, keep_trying, [&](const Endpoint& endpoint, RetryPolicy policy) {
    policy.lookup = lookup;
    return with_retries(policy, [&](int&) { return fetch_manifest_at(endpoint, reference); });
  });
}

void RegistryClient::fetch_blob(const Reference& reference, const Descriptor& blob,
                                ByteSink& into) {
  const std::string what = cat("blob ", blob.digest, " of ", reference.name());
  ResumingSink sink(into, blob, what);
  const auto fetch_rest = [&](const Endpoint& endpoint) {
    HttpRequest request;
    if (sink.delivered() > 0) request.range_from = sink.delivered();
    request.into = &sink;
    request.on_head = [&](const HttpResponse& head) { sink.begin(head); };
    const HttpResponse response =
        transport_.send(endpoint, pull_scope(endpoint.repository),
                        "/v2/" + endpoint.repository + "/blobs/" + blob.digest.str(), request);
    if (!response.ok()) throw StatusError(response, what);
    sink.end();
  };
  const auto keep_trying = [&] { return !sink.broken(); };
  over_endpoints(reference, keep_trying, [&](const Endpoint& endpoint, const RetryPolicy& policy) {
    with_retries(policy, [&](int& failures) {
      const std::uint64_t before = sink.delivered();
      try {
        // Everything may have come before an attempt failed.
        if (before == 0 || !sink.complete()) fetch_rest(endpoint);
      } catch (const Error&) {
        if (sink.delivered() - before >= kProgressBytes) failures = 0;
        if (sink.broken()) failures = std::numeric_limits<int>::max() - 1;
        throw;
      }
    });
  });
}

}  // namespace cooper::oci
