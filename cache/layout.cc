#include "cache/layout.h"

#include <algorithm>
#include <charconv>

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

TreePath mount(const MountId& id) {
  check_mapping(id.mapping);
  return path(cat(kMounts, "/", id.mapping, "/", id.identity.hex(), "-", id.number));
}

TreePath mount_mark(const MountId& id) {
  const TreePath directory = mount(id);
  return directory.parent().child(cat(directory.name(), kMarkSuffix));
}

std::optional<MountId> try_mount_id(const std::string& mapping, std::string_view name) {
  const std::size_t dash = name.rfind('-');
  if (dash == std::string_view::npos || !is_mapping(mapping)) return std::nullopt;
  const std::optional<oci::Digest> identity = try_digest(name.substr(0, dash));
  const std::string_view digits = name.substr(dash + 1);
  std::uint32_t number = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (!identity || failure != std::errc() || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return MountId{mapping, *identity, number};
}

}  // namespace cooper::cache::layout
