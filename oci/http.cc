#include "oci/http.h"

#include <algorithm>
#include <utility>

#include "base/guarded.h"
#include "base/stop.h"
#include "oci/http_transfer.h"
#include "oci/http_url.h"

namespace cooper::oci {
namespace {

constexpr std::size_t kMaxIdleConnections = 8;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool is_sensitive(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name == "authorization" || name == "cookie" || name == "proxy-authorization";
}

// The request that follows the redirect, or nullopt when the answer is to be taken as it is: only
// 307 and 308 promise that a body may be sent again (RFC 9110 section 15.4).
std::optional<HttpRequest> follow(const HttpRequest& request, const HttpResponse& response) {
  if (!is_redirect(response.status)) return std::nullopt;
  const std::optional<std::string> location = response.header("location");
  const bool safe = request.method == "GET" || request.method == "HEAD";
  if (!location || (!safe && response.status != 307 && response.status != 308)) return std::nullopt;
  HttpRequest next = request;
  next.url = request.may_leave_https ? resolve_url(request.url, *location)
                                     : redirect_target(request.url, *location);
  if (!same_origin(next.url, request.url)) {
    // The other host must not learn what only this one may know.
    std::erase_if(next.headers, [](const auto& header) { return is_sensitive(header.first); });
    next.tls.client_certificate.clear();
    next.tls.client_key.clear();
  }
  return next;
}

}  // namespace

struct HttpClient::Pool {
  Guarded<std::vector<std::unique_ptr<HttpConnection>>> idle;
};

HttpBody text_body(std::string text) {
  const std::uint64_t size_bytes = text.size();
  return {size_bytes, [text = std::move(text)] { return std::make_unique<MemorySource>(text); }};
}

std::optional<std::string> HttpResponse::header(const std::string& name) const {
  const auto found = headers.lower_bound(name);
  if (found == headers.end() || found->first != name) return std::nullopt;
  return found->second;
}

HttpClient::HttpClient(std::string user_agent)
    : user_agent_(std::move(user_agent)), pool_(std::make_unique<Pool>()) {}

HttpClient::~HttpClient() = default;

HttpResponse HttpClient::send_once(const HttpRequest& request) {
  std::unique_ptr<HttpConnection> connection =
      pool_->idle.with([](auto& idle) -> std::unique_ptr<HttpConnection> {
        if (idle.empty()) return nullptr;
        auto last = std::move(idle.back());
        idle.pop_back();
        return last;
      });
  if (!connection) connection = std::make_unique<HttpConnection>();
  // A connection that threw is not put back: nobody knows what is still under way on it.
  HttpResponse response = connection->exchange(request, user_agent_);
  pool_->idle.with([&](auto& idle) {
    if (idle.size() < kMaxIdleConnections) idle.push_back(std::move(connection));
  });
  return response;
}

HttpResponse HttpClient::send(const HttpRequest& request) {
  parse_url(request.url);  // http and https only, well formed
  HttpRequest current = request;
  for (int hops = 0;; ++hops) {
    end_if_stopped(current.stop);
    HttpResponse response = send_once(current);
    std::optional<HttpRequest> next = follow(current, response);
    if (!next) return response;
    if (hops == request.max_redirects) {
      throw Error(Errc::network,
                  cat("too many redirects, the last from ", redacted_url(current.url)));
    }
    current = *std::move(next);
  }
}

}  // namespace cooper::oci
