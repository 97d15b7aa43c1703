#include "oci/http_retry.h"

#include <array>
#include <ctime>

#include "oci/http_url.h"
#include "oci/registry_error.h"

namespace cooper::oci {

HttpResponse send_with_retries(HttpClient& client, const HttpRequest& request, const HttpRetry& retry) {
  const RetryPolicy policy{retry.retries, retry.sleep, request.stop};
  return with_retries(policy, [&](int& failures) {
    if (retry.begin) retry.begin();
    HttpResponse response = client.send(request);
    if (response.status < 400 || failures >= retry.retries) return response;
    const StatusError refusal(response, redacted_url(request.url));
    if (retry_delay(refusal, failures + 1, policy)) throw refusal;
    return response;
  });
}

std::optional<std::int64_t> parse_http_date(const std::string& text) {
  static constexpr std::array<const char*, 3> kForms = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                                        "%a %b %d %H:%M:%S %Y"};
  for (const char* form : kForms) {
    std::tm time{};
    const char* end = ::strptime(text.c_str(), form, &time);  // the locale is never set
    if (end != nullptr && *end == '\0') return ::timegm(&time);
  }
  return std::nullopt;
}

}  // namespace cooper::oci
