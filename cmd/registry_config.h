// Registry configuration of the machine and the user, read when first asked for.
//
// Credentials: $DOCKER_CONFIG/config.json (else ~/.docker/config.json), then $REGISTRY_AUTH_FILE, else
// $XDG_RUNTIME_DIR/containers/auth.json, else ~/.config/containers/auth.json. Settings: registries.conf v2 from
// $COOPER_REGISTRIES_CONF, else ~/.config/containers/registries.conf, else /etc/containers/registries.conf.
// Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/once.h"
#include "oci/auth_config.h"
#include "oci/registry.h"

namespace cooper::cmd {

// One [[registry]] of registries.conf.
struct RegistryRule {
  std::string prefix;    // "localhost:5000", "*.example.com", "docker.io/library"
  std::string location;  // "" : the prefix itself
  bool insecure = false;
  bool blocked = false;
  std::vector<std::string> mirrors;
};

// Error(invalid) naming the file and line on malformed TOML or types.
std::vector<RegistryRule> parse_registries_conf(std::string_view text, const std::string& name);
// The rule with the longest matching prefix; nullptr when none matches.
const RegistryRule* match_rule(const std::vector<RegistryRule>& rules, const oci::Reference& reference);

class RegistryConfig {
 public:
  std::optional<oci::Credentials> credentials(const std::string& host);
  oci::RegistrySettings settings(const oci::Reference& reference);

 private:
  Once credentials_read_;
  Once settings_read_;
  std::vector<oci::CredentialTable> tables_;  // in the order they are asked
  std::vector<RegistryRule> rules_;
};

}  // namespace cooper::cmd
