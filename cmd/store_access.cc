#include "cmd/store_access.h"

#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "builder/sandbox/identity.h"
#include "cmd/options_text.h"
#include "cmd/session.h"

namespace cooper::cmd {
namespace {

void enter_namespace_if_possible() {
  try {
    builder::enter_build_namespace();
  } catch (const Error& error) {
    if (error.code() != Errc::denied) throw;
  }
}

bool has_trees(const std::filesystem::path& store) {
  std::error_code none;  // the same as false
  return std::filesystem::exists(store / "trees", none);
}

}  // namespace

std::unique_ptr<cache::Store> open_store_to_remove() {
  const std::filesystem::path path = store_path();  // before: inside we are somebody else
  enter_namespace_if_possible();
  return cache::Store::open(path);
}

std::unique_ptr<cache::Store> open_store_within(const std::string& limit,
                                                std::function<void(const std::string&)> notice) {
  if (limit.empty()) return open_store();
  const std::uint64_t bytes = parse_size(limit, "--store-limit");
  const std::filesystem::path path = store_path();
  if (has_trees(path)) enter_namespace_if_possible();
  std::unique_ptr<cache::Store> store = cache::Store::open(path);
  store->set_limit({.bytes = bytes, .gave_up = [notice = std::move(notice)](const oci::Reference& name) {
                      notice("store limit: the image " + name.familiar() + " was used longest ago and had to go");
                    }});
  return store;
}

}  // namespace cooper::cmd
