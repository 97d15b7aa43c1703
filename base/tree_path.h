// A path inside a tree (a rootfs, a build context, a layer, the store): relative, normalised,
// without
// "..", "." , empty components or NUL, by construction. The root of the tree is the empty path.
//
// Ordering puts a directory directly before everything beneath it ('/' sorts lower than any other
// byte), so a subtree is one contiguous range of any sorted container and every parent precedes its
// children. Layers, tables and digests all use this order.
#pragma once

#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cooper {

class TreePath {
 public:
  TreePath() = default;

  // Lexically cleans text as if it stood at the root: leading '/', "." and empty components vanish,
  // ".." never climbs above the root ("/../a/./b/" gives "a/b"). Throws Error(invalid) on NUL only.
  static TreePath clean(std::string_view text);
  // For foreign bytes that must already be honest (tar members): nullopt if text climbs above the
  // root with "..", or holds NUL. Leading '/' and "./" are dropped.
  static std::optional<TreePath> try_confined(std::string_view text);

  bool is_root() const noexcept { return text_.empty(); }
  const std::string& str() const noexcept { return text_; }  // "a/b"; "" for the root
  std::string absolute() const { return "/" + text_; }       // "/a/b"; "/" for the root
  std::string_view name() const noexcept;                    // last component; "" for the root
  TreePath parent() const;                                   // the root's parent is the root
  std::vector<std::string_view> components() const;          // views into this object
  // True for the path itself and everything beneath it.
  bool contains(const TreePath& other) const noexcept;
  // other seen from this; precondition: contains(other).
  TreePath relative(const TreePath& other) const;

  // Appends one component (no '/', not "." or ".."; throws Error(invalid) otherwise).
  TreePath child(std::string_view component) const;
  // Appends a whole tree path.
  TreePath operator/(const TreePath& rest) const;

  friend bool operator==(const TreePath&, const TreePath&) = default;
  friend std::strong_ordering operator<=>(const TreePath& left, const TreePath& right) noexcept;

 private:
  explicit TreePath(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace cooper

template <>
struct std::hash<cooper::TreePath> {
  std::size_t operator()(const cooper::TreePath& path) const noexcept {
    return std::hash<std::string>()(path.str());
  }
};
