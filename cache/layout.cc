#include "cache/layout.h"

#include <algorithm>

#include "base/error.h"

namespace cooper::cache::layout {

std::optional<oci::Digest> try_digest(std::string_view hex) {
  try {
    return oci::Digest::from_hex(hex);
  } catch (const Error&) {
    return std::nullopt;
  }
}

bool is_mapping(const std::string& text) {
  constexpr std::size_t kMaxLength = 100;
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  };
  return !text.empty() && text.size() <= kMaxLength && std::ranges::all_of(text, plain);
}

void check_mapping(const std::string& mapping) {
  if (is_mapping(mapping)) return;
  throw Error(Errc::invalid, cat("id mapping \"", mapping, "\" is not a plain word"));
}

TreePath tree(const std::string& mapping, const oci::Digest& chain) {
  check_mapping(mapping);
  return path(cat(kTrees, "/", mapping, "/", chain.hex()));
}

TreePath tree_mark(const std::string& mapping, const oci::Digest& chain) {
  check_mapping(mapping);
  return path(cat(kTrees, "/", mapping, "/", chain.hex(), kMarkSuffix));
}

}  // namespace cooper::cache::layout
