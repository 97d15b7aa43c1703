// Credential helpers: programs docker-credential-<name> that keep secrets for others (the protocol
// of github.com/docker/docker-credential-helpers).
#pragma once

#include <optional>
#include <string>

#include "oci/registry.h"

namespace cooper::oci {

// Asks docker-credential-<helper> for a registry ("docker.io" becomes the address Docker stores it
// under). nullopt when the helper knows none; Error(denied) when it fails or is not installed,
// Error(invalid) for a name that is no program suffix. What the helper printed is never repeated,
// except its error text.
std::optional<Credentials> credentials_from_helper(const std::string& helper,
                                                   const std::string& host);

}  // namespace cooper::oci
