// The store's secret: random bytes in a file of its own, made when first asked for. Trees count
// only with the secret they were made under (their marks name it), so a lost one costs trees and
// never lets a note in them pass unproved.
#pragma once

#include <optional>
#include <string>

#include "base/dir.h"

namespace cooper::cache {

inline constexpr std::size_t kSecretBytes = 32;

// nullopt: there is none, or one cut short by a power loss.
std::optional<std::string> find_secret(const Dir& root);
// One for all who ask at once.
std::string find_or_make_secret(const Dir& root);

// What a tree's mark calls a secret: tells nothing of it. Empty for none.
std::string secret_name(const std::optional<std::string>& secret);

}  // namespace cooper::cache
