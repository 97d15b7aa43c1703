#include "oci/registry_error.h"

#include <algorithm>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>

#include "base/stop.h"
#include "base/terminal_text.h"
#include "oci/http_url.h"

namespace cooper::oci {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kMaxTextBytes = 500;
constexpr std::size_t kMaxErrors = 5;
constexpr milliseconds kFirstDelay{250};
constexpr milliseconds kMaxDelay{8000};
constexpr seconds kMaxRetryAfter{60};  // a registry may not stop a build for longer

Errc code_of(int status) {
  if (status == 404) return Errc::not_found;
  if (status == 401 || status == 403) return Errc::denied;
  return Errc::network;
}

// Text from outside: nothing that would drive the terminal, not endless.
std::string clean(std::string text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::size_t length = steering_bytes(std::string_view(text).substr(at));
    if (length > 0) text.replace(at, length, 1, ' ');
  }
  if (text.size() > kMaxTextBytes) text.resize(kMaxTextBytes);
  return text;
}

std::string string_of(const nlohmann::json& object, const char* key) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_string()) return {};
  return object[key].get<std::string>();
}

// For answers without a text, e.g. to HEAD.
std::string_view status_phrase(int status) {
  if (status == 401) return "login required or not accepted";
  if (status == 403) return "access denied";
  if (status == 404) return "not found";
  if (status == 429) return "too many requests";
  return "unexpected answer";
}

std::string compose(const HttpResponse& response, const std::string& doing) {
  std::string text = registry_error_text(response.body);
  if (text.empty()) text = status_phrase(response.status);
  return cat(doing, ": ", text, " (HTTP ", response.status, " from ", redacted_url(response.url),
             ")");
}

std::optional<seconds> retry_after_of(const HttpResponse& response) {
  const std::optional<std::string> value = response.header("retry-after");
  if (!value) return std::nullopt;
  return parse_retry_after(*value, std::time(nullptr));
}

bool is_passing(int status) {
  return status == 408 || status == 425 || status == 429 || status == 500 || status == 502 ||
         status == 503 || status == 504;
}

}  // namespace

StatusError::StatusError(const HttpResponse& response, const std::string& doing)
    : StatusError(response, doing, code_of(response.status)) {}

StatusError::StatusError(const HttpResponse& response, const std::string& doing, Errc code)
    : Error(code, compose(response, doing)),
      status_(response.status),
      retry_after_(retry_after_of(response)) {}

std::string registry_error_text(const std::string& body) {
  const nlohmann::json answer = nlohmann::json::parse(body, nullptr, false);
  if (!answer.is_object()) return {};
  std::string text;
  if (answer.contains("errors") && answer["errors"].is_array()) {
    std::size_t count = 0;
    for (const nlohmann::json& error : answer["errors"]) {
      if (++count > kMaxErrors) break;
      const std::string code = string_of(error, "code");
      const std::string message = string_of(error, "message");
      if (code.empty() && message.empty()) continue;
      text.append(text.empty() ? "" : "; ").append(code);
      text.append(code.empty() || message.empty() ? "" : ": ").append(message);
    }
  }
  for (const char* key : {"details", "error_description", "error", "message"}) {
    if (text.empty()) text = string_of(answer, key);
  }
  return clean(std::move(text));
}

std::optional<seconds> parse_retry_after(const std::string& value, std::int64_t now_s) {
  if (value.empty()) return std::nullopt;
  if (value.find_first_not_of("0123456789") == std::string::npos) {
    return value.size() > 9 ? seconds(999999999) : seconds(std::stoll(value));
  }
  std::tm time{};
  // IMF-fixdate (RFC 9110 section 5.6.7), the only form servers may send; the locale is never set.
  const char* end = ::strptime(value.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &time);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return seconds(std::max<std::int64_t>(0, ::timegm(&time) - now_s));
}

std::optional<milliseconds> retry_delay(const Error& error, int failures,
                                        const RetryPolicy& policy) {
  if (failures > policy.retries || policy.stop.stop_requested()) return std::nullopt;
  milliseconds least{0};
  if (const auto* status = dynamic_cast<const StatusError*>(&error)) {
    if (!is_passing(status->status())) return std::nullopt;
    least = std::min<seconds>(status->retry_after().value_or(seconds(0)), kMaxRetryAfter);
  } else if (const auto* transport = dynamic_cast<const TransportError*>(&error)) {
    if (transport->kind() == TransportError::Kind::tls) return std::nullopt;  // will not get better
    const bool unresolved = transport->kind() == TransportError::Kind::resolve;
    if (unresolved && policy.lookup == Lookup::once) return std::nullopt;
  } else {
    return std::nullopt;
  }
  const milliseconds full = std::min(kMaxDelay, kFirstDelay * (1 << std::min(failures - 1, 10)));
  // Half fixed, half random, so that many builds do not come back in step.
  thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<milliseconds::rep> jitter(full.count() / 2, full.count());
  return std::max(least, milliseconds(jitter(random)));
}

void retry_sleep(const RetryPolicy& policy, milliseconds delay) {
  if (policy.sleep) return policy.sleep(delay);
  std::mutex mutex;
  std::condition_variable_any ended;
  std::unique_lock lock(mutex);
  ended.wait_for(lock, policy.stop, delay, [] { return false; });
  end_if_stopped(policy.stop);
}

}  // namespace cooper::oci
