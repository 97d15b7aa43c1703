// Secrets of a build, by the id they were given under; nullopt: there is none. cmd fills it, may be null. The value goes
// to who asked for it and nowhere else: no layer, record, message or command line (SEC-06).
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace cooper::builder {

using SecretLookup = std::function<std::optional<std::string>(const std::string& id)>;

}  // namespace cooper::builder
