// What every command needs: where the store is, how registries are reached, how to stop.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "cache/store.h"
#include "oci/registry.h"

namespace cooper::cmd {

// The environment variable, nullopt when unset or empty.
std::optional<std::string> environment(const std::string& name);

// COOPER_ROOT, else XDG_DATA_HOME/cooper, else ~/.local/share/cooper; root: /var/lib/cooper.
std::filesystem::path store_path();
std::unique_ptr<cache::Store> open_store();
// COOPER_ADDITIONAL_STORES: directories, separated by ":", whose layers are used in place
// (builder/in_place_blobs.h). Error(invalid) names one that is not there.
std::vector<std::filesystem::path> additional_stores();

// Credentials from docker config.json and containers auth.json, settings from registries.conf; files are read when a
// registry is first spoken to.
std::unique_ptr<oci::Registry> open_registry(int retries, std::stop_token stop);

// Ctrl-C, TERM and HUP become a stop request; the second one ends the program at once. Until watch() is called
// the signals do what they do by default, which the store survives.
class Interrupts {
 public:
  Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  ~Interrupts();
  // Starts a thread; signals stay blocked in threads started later.
  void watch();
  std::stop_token token() const { return source_.get_token(); }

 private:
  struct Watcher;
  std::stop_source source_;
  std::unique_ptr<Watcher> watcher_;
};

}  // namespace cooper::cmd
