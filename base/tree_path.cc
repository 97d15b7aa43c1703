#include "base/tree_path.h"

#include <algorithm>

#include "base/error.h"

namespace cooper {
namespace {

constexpr char kNul = '\0';

// Normalises text. Where ".." would climb above the root it stays there (clamp) or gives nullopt.
std::optional<std::string> normalise(std::string_view text, bool clamp) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t slash = text.find('/');
    const std::string_view part = text.substr(0, slash);
    text.remove_prefix(slash == std::string_view::npos ? text.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      if (!out.empty()) out += '/';
      out += part;
      continue;
    }
    if (out.empty() && !clamp) return std::nullopt;
    const std::size_t last = out.rfind('/');
    out.resize(last == std::string::npos ? 0 : last);
  }
  return out;
}

// '/' below every other byte; NUL cannot occur, so 0 is free for it.
constexpr unsigned char rank(char c) noexcept {
  return c == '/' ? 0 : static_cast<unsigned char>(c);
}

}  // namespace

TreePath TreePath::clean(std::string_view text) {
  if (text.find(kNul) != std::string_view::npos) {
    throw Error(Errc::invalid, "a path must not contain a NUL byte");
  }
  return TreePath(*normalise(text, true));
}

std::optional<TreePath> TreePath::try_confined(std::string_view text) {
  if (text.find(kNul) != std::string_view::npos) return std::nullopt;
  auto normal = normalise(text, false);
  if (!normal) return std::nullopt;
  return TreePath(std::move(*normal));
}

std::string_view TreePath::name() const noexcept {
  const std::size_t slash = text_.rfind('/');
  return std::string_view(text_).substr(slash == std::string::npos ? 0 : slash + 1);
}

TreePath TreePath::parent() const {
  const std::size_t slash = text_.rfind('/');
  return TreePath(text_.substr(0, slash == std::string::npos ? 0 : slash));
}

std::vector<std::string_view> TreePath::components() const {
  std::vector<std::string_view> parts;
  std::string_view rest = text_;
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    parts.push_back(rest.substr(0, slash));
    rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
  }
  return parts;
}

bool TreePath::contains(const TreePath& other) const noexcept {
  if (text_.empty()) return true;
  if (!other.text_.starts_with(text_)) return false;
  return other.text_.size() == text_.size() || other.text_[text_.size()] == '/';
}

TreePath TreePath::relative(const TreePath& other) const {
  if (text_.empty()) return other;
  if (other.text_.size() <= text_.size()) return {};
  return TreePath(other.text_.substr(text_.size() + 1));
}

TreePath TreePath::child(std::string_view component) const {
  const bool valid = !component.empty() && component != "." && component != ".." &&
                     component.find('/') == std::string_view::npos &&
                     component.find(kNul) == std::string_view::npos;
  if (!valid) throw Error(Errc::invalid, cat("\"", component, "\" is not a file name"));
  std::string text;
  text.reserve(text_.size() + 1 + component.size());
  text = text_;
  if (!text.empty()) text += '/';
  text += component;
  return TreePath(std::move(text));
}

TreePath TreePath::operator/(const TreePath& rest) const {
  if (rest.text_.empty()) return *this;
  if (text_.empty()) return rest;
  std::string text;
  text.reserve(text_.size() + 1 + rest.text_.size());
  text.append(text_).append(1, '/').append(rest.text_);
  return TreePath(std::move(text));
}

std::strong_ordering operator<=>(const TreePath& left, const TreePath& right) noexcept {
  const std::string& a = left.text_;
  const std::string& b = right.text_;
  const auto [at_a, at_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (at_a == a.end() || at_b == b.end()) return a.size() <=> b.size();
  return rank(*at_a) <=> rank(*at_b);
}

}  // namespace cooper
