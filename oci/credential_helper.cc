#include "oci/credential_helper.h"

#include <cctype>
#include <nlohmann/json.hpp>

#include "base/child_process.h"
#include "base/error.h"

namespace cooper::oci {
namespace {

// What helpers print for an unknown registry, on standard output, with exit code 1.
constexpr std::string_view kNotFound = "credentials not found in native keychain";
constexpr std::string_view kHubKey = "https://index.docker.io/v1/";
constexpr std::string_view kTokenUser = "<token>";  // the secret is an identity token

void require_suffix(const std::string& helper) {
  bool good = !helper.empty() && helper.front() != '.';
  for (const char c : helper) {
    good = good &&
           (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.');
  }
  // A slash would make it a path, and the file run any program.
  if (!good) throw Error(Errc::invalid, cat("\"", helper, "\" cannot name a credential helper"));
}

Credentials parse_answer(const std::string& text, const std::string& program) {
  const nlohmann::json answer = nlohmann::json::parse(text, nullptr, false);
  const auto member = [&](const char* key) {
    if (!answer.is_object() || !answer.contains(key) || !answer[key].is_string()) {
      throw Error(Errc::denied, cat(program, " answered without ", key));
    }
    return answer[key].get<std::string>();
  };
  Credentials credentials;
  credentials.username = member("Username");
  credentials.password = member("Secret");
  if (credentials.username == kTokenUser) return {"", "", credentials.password};
  return credentials;
}

std::string one_line(std::string_view text) {
  std::string line(text.substr(0, text.find_first_of("\r\n")));
  for (char& c : line) {
    if (std::iscntrl(static_cast<unsigned char>(c)) != 0) c = ' ';
  }
  return line;
}

}  // namespace

std::optional<Credentials> credentials_from_helper(const std::string& helper,
                                                   const std::string& host) {
  require_suffix(helper);
  const std::string program = "docker-credential-" + helper;
  SpawnOptions options;
  options.argv = {program, "get"};
  const std::string_view key = host == "docker.io" ? kHubKey : std::string_view(host);
  try {
    const ProgramOutput output = run_program(options, cat(key, "\n"));
    if (output.status.success()) return parse_answer(output.standard_output, program);
    if (output.standard_output.starts_with(kNotFound)) return std::nullopt;
    const bool silent = output.standard_error.empty();
    throw Error(Errc::denied,
                cat(program, " failed for ", host, ": ",
                    one_line(silent ? output.standard_output : output.standard_error)));
  } catch (const SysError& error) {
    throw Error(Errc::denied,
                cat("credentials of ", host, ": cannot run ", program, ": ", error.what()));
  }
}

}  // namespace cooper::oci
