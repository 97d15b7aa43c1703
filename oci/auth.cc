#include "oci/auth.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "oci/http_url.h"
#include "oci/registry_error.h"

namespace cooper::oci {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kDefaultLifetime{60};  // when the answer names none (token spec)
constexpr std::chrono::seconds kMaxLifetime{3600};
constexpr std::chrono::seconds kMargin{10};        // for the request that is about to carry it
constexpr std::size_t kMaxTokenBytes = 64 * 1024;  // more would not fit a server's header limit

const Challenge* find_scheme(const std::vector<Challenge>& challenges, std::string_view scheme) {
  const auto found = std::find_if(challenges.begin(), challenges.end(),
                                  [&](const Challenge& c) { return c.scheme == scheme; });
  return found == challenges.end() ? nullptr : &*found;
}

std::string parameter(const Challenge& challenge, const std::string& name) {
  const auto found = challenge.parameters.find(name);
  return found == challenge.parameters.end() ? std::string() : found->second;
}

// Ours first, then what only the challenge names.
std::vector<std::string> all_scopes(const std::string& ours, const std::string& challenged) {
  std::vector<std::string> scopes;
  std::istringstream words(ours + " " + challenged);
  for (std::string word; words >> word;) {
    if (std::find(scopes.begin(), scopes.end(), word) == scopes.end()) scopes.push_back(word);
  }
  return scopes;
}

std::string basic_value(const Credentials& credentials) {
  return "Basic " + encode_base64(credentials.username + ":" + credentials.password);
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : " ").append(word);
  return text;
}

struct Token {
  std::string value;
  std::chrono::seconds lifetime = kDefaultLifetime;
};

Token parse_token(const std::string& body, const std::string& url) {
  const nlohmann::json answer = nlohmann::json::parse(body, nullptr, false);
  Token token;
  if (answer.is_object()) {
    for (const char* key : {"token", "access_token"}) {
      if (!token.value.empty() || !answer.contains(key) || !answer[key].is_string()) continue;
      token.value = answer[key].get<std::string>();
    }
    if (answer.contains("expires_in") && answer["expires_in"].is_number_integer()) {
      const auto seconds = answer["expires_in"].get<std::int64_t>();
      token.lifetime =
          std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, kMaxLifetime.count()));
    }
  }
  const bool printable = std::all_of(token.value.begin(), token.value.end(), [](char c) {
    return c > ' ' && c < '\x7f';  // it becomes a header
  });
  if (token.value.empty() || !printable || token.value.size() > kMaxTokenBytes) {
    throw Error(Errc::network, cat(redacted_url(url), " answered without a usable token"));
  }
  return token;
}

}  // namespace

Authenticator::Authenticator(HttpClient& http, Lookup lookup, std::stop_token stop)
    : http_(http), lookup_(std::move(lookup)), stop_(std::move(stop)) {}

std::shared_ptr<Authenticator::Slot> Authenticator::slot_for(const AuthTarget& target) {
  return state_.with([&](State& state) {
    std::shared_ptr<Slot>& slot = state.slots[target.host + "\n" + target.scopes];
    if (!slot) slot = std::make_shared<Slot>();
    return slot;
  });
}

std::optional<std::string> Authenticator::known(const AuthTarget& target) {
  const std::shared_ptr<Slot> slot = slot_for(target);
  const std::lock_guard lock(slot->mutex);
  if (!slot->value.empty() && Clock::now() < slot->expires) return slot->value;
  const auto challenges = state_.with([&](State& state) -> std::vector<Challenge> {
    const auto found = state.challenges.find(target.host);
    return found == state.challenges.end() ? std::vector<Challenge>() : found->second;
  });
  if (challenges.empty()) return std::nullopt;
  obtain(target, challenges, std::nullopt, *slot);
  return slot->value;
}

std::string Authenticator::answer(const AuthTarget& target,
                                  const std::vector<Challenge>& challenges,
                                  const std::optional<std::string>& rejected) {
  const std::shared_ptr<Slot> slot = slot_for(target);
  const std::lock_guard lock(slot->mutex);
  const bool renewed =
      !slot->value.empty() && Clock::now() < slot->expires && slot->value != rejected;
  if (renewed) return slot->value;  // by another thread meanwhile
  obtain(target, challenges, rejected, *slot);
  state_.with([&](State& state) {
    std::vector<Challenge>& kept = state.challenges[target.host];
    kept = challenges;
    for (Challenge& challenge : kept) challenge.parameters.erase("scope");  // of this request only
  });
  return slot->value;
}

void Authenticator::obtain(const AuthTarget& target, const std::vector<Challenge>& challenges,
                           const std::optional<std::string>& rejected, Slot& slot) {
  if (const Challenge* bearer = find_scheme(challenges, "bearer"))
    return fetch_token(target, *bearer, slot);
  if (find_scheme(challenges, "basic") == nullptr) {
    std::vector<std::string> schemes;
    for (const Challenge& challenge : challenges) schemes.push_back(challenge.scheme);
    throw Error(Errc::denied,
                cat("registry ", target.host, " asks for a login of a kind cooper does not know",
                    schemes.empty() ? "" : ": ", join(schemes)));
  }
  const std::optional<Credentials> credentials = lookup_ ? lookup_(target.host) : std::nullopt;
  if (!credentials || credentials->username.empty()) {
    throw Error(Errc::denied, cat("registry ", target.host,
                                  " asks for a user name and password, and none "
                                  "are configured for it"));
  }
  std::string value = basic_value(*credentials);
  if (rejected == value) {
    throw Error(Errc::denied, cat("registry ", target.host,
                                  " does not accept the user name and password "
                                  "configured for it"));
  }
  slot.value = std::move(value);
  slot.expires = Clock::time_point::max();
}

HttpRequest Authenticator::token_request(const AuthTarget& target,
                                         const Challenge& challenge) const {
  const std::string realm = parameter(challenge, "realm");
  const std::string service = parameter(challenge, "service");
  if (realm.empty()) {
    throw Error(Errc::denied,
                cat("registry ", target.host, " asks for a token but names no realm"));
  }
  if (parse_url(realm).scheme == "http" && !target.allow_http) {
    throw Error(Errc::denied,
                cat("registry ", target.host, " wants credentials sent in the clear, to ",
                    redacted_url(realm)));
  }
  const std::vector<std::string> scopes = all_scopes(target.scopes, parameter(challenge, "scope"));
  const std::optional<Credentials> credentials = lookup_ ? lookup_(target.host) : std::nullopt;
  HttpRequest request;
  request.url = realm;
  request.stop = stop_;
  if (parse_url(realm).host == parse_url("https://" + target.host).host) request.tls = target.tls;
  if (credentials && !credentials->identity_token.empty()) {
    const std::string form =
        cat("grant_type=refresh_token&client_id=cooper&service=", percent_encode(service),
            "&scope=", percent_encode(join(scopes)),
            "&refresh_token=", percent_encode(credentials->identity_token));
    request.method = "POST";
    request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    request.body = text_body(form);
    return request;
  }
  if (!service.empty()) request.url = with_query(request.url, "service", service);
  for (const std::string& scope : scopes) request.url = with_query(request.url, "scope", scope);
  if (credentials && !credentials->username.empty()) {
    request.url = with_query(request.url, "account", credentials->username);
    request.headers.emplace_back("Authorization", basic_value(*credentials));
  }
  return request;
}

void Authenticator::fetch_token(const AuthTarget& target, const Challenge& challenge, Slot& slot) {
  const HttpRequest request = token_request(target, challenge);
  const HttpResponse response = http_.send(request);
  if (!response.ok()) {
    const bool refused = response.status == 400 || response.status == 401 || response.status == 403;
    throw StatusError(response, cat("logging in to ", target.host),
                      refused ? Errc::denied : Errc::network);
  }
  const Token token = parse_token(response.body, response.url);
  slot.value = "Bearer " + token.value;
  slot.expires = Clock::now() + std::max(token.lifetime - kMargin, token.lifetime / 2);
}

}  // namespace cooper::oci
