// What a registry's refusal says, and whether asking again may help. Private to oci.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/error.h"
#include "oci/http.h"
#include "oci/registry.h"

namespace cooper::oci {

// An answer whose status is not what was wanted. The message is "<doing>: <code: message of the
// registry> (HTTP 404 from https://…)"; code() follows the status: 404 not_found, 401/403 denied,
// else network.
class StatusError : public Error {
 public:
  StatusError(const HttpResponse& response, const std::string& doing);
  StatusError(const HttpResponse& response, const std::string& doing, Errc code);
  int status() const noexcept { return status_; }
  std::optional<std::chrono::seconds> retry_after() const noexcept { return retry_after_; }

 private:
  int status_;
  std::optional<std::chrono::seconds> retry_after_;
};

// The texts of {"errors": [{"code", "message"}]} or of a token server's {"details" | "error"},
// cleaned for a terminal; "" when there are none.
std::string registry_error_text(const std::string& body);

// Retry-After in seconds or as an HTTP date (seen from `now_s`, seconds since the epoch).
std::optional<std::chrono::seconds> parse_retry_after(const std::string& value, std::int64_t now_s);

struct RetryPolicy {
  int retries = 3;
  std::function<void(std::chrono::milliseconds)> sleep;  // empty: a sleep that stop ends
  std::stop_token stop;
  Lookup lookup = Lookup::again;
};

// How long to wait before trying again after `failures` failures in a row (the latest is `error`);
// nullopt: give up. Random within bounds (jitter), at most a minute.
std::optional<std::chrono::milliseconds> retry_delay(const Error& error, int failures,
                                                     const RetryPolicy& policy);
void retry_sleep(const RetryPolicy& policy, std::chrono::milliseconds delay);

// Calls body(failures) until it returns. A body that advances may set failures back to 0.
template <class Body>
auto with_retries(const RetryPolicy& policy, Body&& body) {
  for (int failures = 0;;) {
    std::chrono::milliseconds delay{};
    try {
      return body(failures);
    } catch (const Error& error) {
      const auto wait = retry_delay(error, ++failures, policy);
      if (!wait) throw;
      delay = *wait;
    }
    retry_sleep(policy, delay);
  }
}

}  // namespace cooper::oci
