// Where credentials come from and where they go: config.json of docker, base64, WWW-Authenticate,
// Retry-After.
#include <string>

#include "oci/auth_challenge.h"
#include "oci/auth_config.h"
#include "oci/registry_error.h"
#include "tests/fuzz/check.h"

namespace cooper::oci {
namespace {

using fuzz::attempt;
using fuzz::require;

void check_config(std::string_view text) {
  const auto table =
      attempt({Errc::invalid}, [&] { return parse_docker_config(text, "config.json"); });
  if (!table) return;
  for (const auto& [key, credentials] : table->entries) {
    require(normalize_registry_key(key) == key, "keys are normal");
    require(credentials_for(*table, key).has_value(), "an entry is found by its key");
    require(credentials_for(*table, key + "/app").has_value(),
            "an entry is found for what is beneath it");
    require(!credentials.username.empty() || !credentials.identity_token.empty(),
            "an entry says who");
  }
  for (const auto& [key, helper] : table->helpers)
    require(helper_for(*table, key).has_value() || helper.empty(), "a helper is found by its key");
}

void check_base64(std::string_view text) {
  require(decode_base64(encode_base64(text)) == text, "base64 gives back what went in");
  const auto plain = decode_base64(text);
  if (plain) require(decode_base64(encode_base64(*plain)) == *plain, "decoded, the same again");
}

// What was read says the same when it is written with all its quotes.
void check_challenges(std::string_view text) {
  std::string again;
  const auto challenges = parse_challenges(text);
  for (const Challenge& challenge : challenges) {
    require(!challenge.scheme.empty(), "a challenge has a scheme");
    again += again.empty() ? "" : ", ";
    again += challenge.scheme;
    std::string_view separator = " ";
    for (const auto& [name, value] : challenge.parameters) {
      again.append(separator).append(name).append("=\"");
      for (const char c : value) again.append(c == '"' || c == '\\' ? "\\" : "").push_back(c);
      again += '"';
      separator = ", ";
    }
  }
  require(parse_challenges(again) == challenges, "written and read again, the same challenges");
}

}  // namespace
}  // namespace cooper::oci

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cooper::oci;
  const std::string_view text = cooper::fuzz::text_of(data, size);
  check_config(text);
  check_base64(text);
  check_challenges(text);
  registry_error_text(std::string(text));
  const auto wait = parse_retry_after(std::string(text), 1'700'000'000);
  require(!wait || wait->count() >= 0, "nobody waits for the past");
  return 0;
}
