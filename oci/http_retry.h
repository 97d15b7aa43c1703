// A request that is sent again when there was no answer, or one that says to come back later (429, 503, …): growing
// delays with jitter, Retry-After honoured, as for registries.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "oci/http.h"

namespace cooper::oci {

struct HttpRetry {
  int retries = 3;
  std::function<void(std::chrono::milliseconds)> sleep;  // null: a sleep that request.stop ends
  std::function<void()> begin;  // before every attempt: forget what an earlier one wrote. May be null
};
// The last answer, whatever its status; TransportError when there was none.
HttpResponse send_with_retries(HttpClient& client, const HttpRequest& request, const HttpRetry& retry);

// "Sun, 06 Nov 1994 08:49:37 GMT" and the two obsolete forms (RFC 9110 section 5.6.7), seconds since 1970.
std::optional<std::int64_t> parse_http_date(const std::string& text);

}  // namespace cooper::oci
