// Credentials as files keep them: docker's config.json and the containers tools' auth.json.
//
// Parsing is strict about types and never repeats a value in an error: values are secrets.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "oci/registry.h"

namespace cooper::oci {

struct CredentialTable {
  // Keys are normalised: no scheme, no "/v1/", Docker Hub's aliases as "docker.io". auth.json may
  // name a namespace: "quay.io/team".
  std::map<std::string, Credentials> entries;
  std::map<std::string, std::string> helpers;  // credHelpers: registry to program suffix
  std::string default_helper;                  // credsStore, "" for none
};

// Error(invalid) naming the file and the entry on anything malformed.
CredentialTable parse_docker_config(std::string_view json, const std::string& name);

// `host` is a registry ("localhost:5000") or a repository in it ("quay.io/team/app"): the longest
// key that is a prefix in whole components wins.
std::optional<Credentials> credentials_for(const CredentialTable& table, const std::string& host);
// The helper to ask for it: credHelpers first, then credsStore. Docker asks a helper before
// `entries`.
std::optional<std::string> helper_for(const CredentialTable& table, const std::string& host);

// "https://index.docker.io/v1/" and its kin are "docker.io"; otherwise the key without scheme.
std::string normalize_registry_key(std::string_view key);

// nullopt unless text is well-formed base64 (RFC 4648 section 4, padding optional).
std::optional<std::string> decode_base64(std::string_view text);
std::string encode_base64(std::string_view text);

}  // namespace cooper::oci
