// Opening the store for commands that may remove what is in it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cache/store.h"

namespace cooper::cmd {

// Trees hold files of mapped ids, which only the build's namespace may remove: it is entered, where there is one to be
// had; where there is none no step ever ran, and what is in the store is ours. No thread has been started yet.
std::unique_ptr<cache::Store> open_store_to_remove();

// For commands that fill it. `limit` is --store-limit as typed, "" for none; notice(line) tells of images that had to go.
std::unique_ptr<cache::Store> open_store_within(const std::string& limit, std::function<void(const std::string&)> notice);

}  // namespace cooper::cmd
