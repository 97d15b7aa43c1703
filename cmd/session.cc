#include "cmd/session.h"

#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "base/error.h"
#include "cmd/registry_config.h"

namespace cooper::cmd {

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

std::filesystem::path store_path() {
  if (const auto root = environment("COOPER_ROOT")) return std::filesystem::absolute(*root);
  if (::geteuid() == 0) return "/var/lib/cooper";
  const auto data = environment("XDG_DATA_HOME");  // a relative one counts for nothing (basedir specification)
  if (data && data->starts_with('/')) return std::filesystem::path(*data) / "cooper";
  if (const auto home = environment("HOME")) return std::filesystem::path(*home) / ".local/share/cooper";
  throw Error(Errc::invalid, "no place for the store: set COOPER_ROOT or HOME");
}

std::unique_ptr<cache::Store> open_store() { return cache::Store::open(store_path()); }

std::vector<std::filesystem::path> additional_stores() {
  std::vector<std::filesystem::path> directories;
  std::istringstream text(environment("COOPER_ADDITIONAL_STORES").value_or(""));
  for (std::string each; std::getline(text, each, ':');) {
    if (each.empty()) continue;
    directories.push_back(std::filesystem::absolute(each));
    std::error_code failure;
    // One that may not be looked at is passed over, with a notice, once a layer is wanted.
    if (std::filesystem::is_directory(directories.back(), failure) || failure == std::errc::permission_denied) continue;
    throw Error(Errc::invalid, cat("COOPER_ADDITIONAL_STORES: ", directories.back().string(), " is no directory"));
  }
  return directories;
}

std::unique_ptr<oci::Registry> open_registry(int retries, std::stop_token stop) {
  oci::ClientOptions options;
  options.retries = retries;
  options.stop = std::move(stop);
  const auto config = std::make_shared<RegistryConfig>();
  options.credentials = [config](const std::string& host) { return config->credentials(host); };
  options.settings = [config](const oci::Reference& reference) { return config->settings(reference); };
  return oci::make_registry_client(std::move(options));
}

}  // namespace cooper::cmd
