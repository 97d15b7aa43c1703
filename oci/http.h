// A thin HTTP client over libcurl (HTTP/1.1, TLS, proxies from the environment).
//
// Redirects are followed here, not by curl: credentials never go to another origin and https is
// not left for http unless the request says so. HttpClient may be called from any number of threads; nothing is loaded,
// opened or connected before the first request. Connections are kept and reused.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"

namespace cooper::oci {

// No answer, or not all of it. Always Errc::network; the kind tells what may help.
class TransportError : public Error {
 public:
  enum class Kind {
    resolve,   // no address for the name
    connect,   // nobody listens, or no route
    tls,       // no TLS there, or a certificate we do not accept
    transfer,  // broke off, stalled, or was not HTTP
  };
  TransportError(Kind kind, const std::string& message)
      : Error(Errc::network, message), kind_(kind) {}
  Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

struct TlsOptions {
  bool insecure = false;  // accept any certificate
  // Host paths, "" for none. ca_file replaces the system's authorities.
  std::string ca_file;
  std::string client_certificate;
  std::string client_key;
};

// A request body, opened anew for each time it must be sent (redirects, retries).
struct HttpBody {
  std::uint64_t size_bytes = 0;
  std::function<std::unique_ptr<ByteSource>()> open;
};
HttpBody text_body(std::string text);

struct HttpResponse {
  int status = 0;
  std::string url;                                  // that answered, after redirects
  std::multimap<std::string, std::string> headers;  // names in lower case
  std::string body;  // empty for a 2xx answer that went to HttpRequest::into

  bool ok() const noexcept { return status >= 200 && status < 300; }
  // The first of that name (lower case).
  std::optional<std::string> header(const std::string& name) const;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;  // Authorization among them
  std::optional<HttpBody> body;
  std::optional<std::uint64_t> range_from;  // asks for the bytes from there on
  TlsOptions tls;
  // Takes the body of a 2xx answer; every other body is kept in HttpResponse::body.
  ByteSink* into = nullptr;
  // Sees a 2xx answer's status and headers before the first byte reaches `into`; may throw.
  std::function<void(const HttpResponse&)> on_head;
  // For HttpResponse::body. A longer 2xx body is Error(network), any other is cut.
  std::size_t body_limit_bytes = 4 * 1024 * 1024;
  int connect_timeout_s = 30;
  int idle_timeout_s = 60;  // no byte either way for so long: TransportError
  int max_redirects = 10;
  // A redirect from https to http is followed; otherwise Error(denied). For content that is checked.
  bool may_leave_https = false;
  // Accepts gzip on the wire and undoes it, as browsers do: `into` sees the content itself.
  bool undo_gzip = false;
  std::stop_token stop;  // Error(cancelled) at once
};

class HttpClient {
 public:
  explicit HttpClient(std::string user_agent);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  // Any HTTP status is a result; no answer is TransportError. What request.into, request.body or
  // on_head throw comes through unchanged.
  HttpResponse send(const HttpRequest& request);

 private:
  struct Pool;
  HttpResponse send_once(const HttpRequest& request);

  std::string user_agent_;
  std::unique_ptr<Pool> pool_;
};

}  // namespace cooper::oci
