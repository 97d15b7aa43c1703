// COPY and ADD: what a list of sources means in a tree (COPY-02, 04, 10 … 15, 29 … 35).
#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "layers/archive_probe.h"
#include "layers/copy.h"
#include "layers/copy_guide.h"

namespace cooper::layers {
namespace {

constexpr std::string_view kPivot = "/./";  // COPY-30

[[noreturn]] void throw_absent(const Tree& tree, const TreePath& path) {
  const std::string by = tree.hidden_by(path);
  const std::string why = by.empty() ? "" : cat(" (it is there, but ", by, " excludes it)");
  throw Error(Errc::not_found, cat("\"", path.absolute(), "\": not found", why));
}

class Selector {
 public:
  Selector(std::shared_ptr<const Tree> tree, const CopyRequest& request)
      : tree_(*tree), request_(request) {
    selection_.tree = std::move(tree);
  }

  Selection run() && {
    for (const CopySource& source : request_.sources) {
      if (source.literal) {
        add(TreePath::clean(source.pattern), ContentGuide(request_));
        if (!source.name.empty()) selection_.sources.back().base_name = source.name;
      } else if (request_.parents) {
        add_with_parents(source.pattern);
      } else {
        for (const TreePath& path : expand(source.pattern)) add(path, ContentGuide(request_));
      }
    }
    return std::move(selection_);
  }

 private:
  bool is_wild(std::string_view text) const {
    return request_.has_wildcard && request_.has_wildcard(std::string(text));
  }

  // The paths a source means: itself, or what its wildcards match, sorted. Links in front of the
  // first wildcard are followed.
  std::vector<TreePath> expand(const std::string& pattern) const {
    const TreePath whole = TreePath::clean(pattern);
    const auto parts = whole.components();
    const auto first_wild = std::find_if(parts.begin(), parts.end(),
                                         [this](std::string_view part) { return is_wild(part); });
    if (first_wild == parts.end()) return {whole};
    TreePath base;
    for (auto part = parts.begin(); part != first_wild; ++part) base = base.child(*part);
    const auto found = resolve(tree_, base, true);
    if (!found || !is_directory(*found)) return {};
    const WildcardGuide guide(request_, {first_wild, parts.end()});
    Walked walked = tree_.walk(*found, guide);
    std::vector<TreePath> paths;
    auto implied = walked.implied.begin();
    for (std::size_t i = 0; i < walked.entries.size(); ++i) {
      if (implied != walked.implied.end() && *implied == i) {
        ++implied;
      } else {
        paths.push_back(*found / walked.entries[i].path);
      }
    }
    return paths;
  }

  bool is_directory(const TreePath& path) const {
    const auto entry = tree_.find(path);
    return entry && entry->type == EntryType::directory;
  }

  void add_with_parents(const std::string& text) {
    const std::size_t pivot = text.find(kPivot);
    const bool has_pivot = pivot != std::string::npos;
    const std::string front = has_pivot ? text.substr(0, pivot) : std::string();
    const TreePath pattern =
        TreePath::clean(has_pivot ? std::string_view(text).substr(pivot + kPivot.size()) : text);
    if (!is_wild(front) && !is_wild(pattern.str())) {
      const TreePath whole = TreePath::clean(front) / pattern;
      if (!resolve(tree_, whole, false)) throw_absent(tree_, whole);
    }
    for (const TreePath& path : expand(front)) add(path, ContentGuide(request_, pattern));
  }

  // A source that is a link is followed and keeps its own name (COPY-14).
  void add(const TreePath& path, const ContentGuide& guide) {
    const auto found = resolve(tree_, path, true);
    auto top = found ? tree_.find(*found) : std::nullopt;
    if (!top) throw_absent(tree_, path);
    SelectedSource source;
    source.base_name = path.name();
    source.top = *std::move(top);
    source.is_directory = source.top.type == EntryType::directory;
    if (source.is_directory) {
      source.beneath = tree_.walk(*found, guide);
    } else {
      if (source.top.type == EntryType::file)
        source.top.link_target.clear();  // its other names stay behind
      source.is_archive = request_.unpack_archives && is_archive(tree_, source.top);
    }
    selection_.sources.push_back(std::move(source));
  }

  const Tree& tree_;
  const CopyRequest& request_;
  Selection selection_;
};

}  // namespace

Selection select(std::shared_ptr<const Tree> tree, const CopyRequest& request) {
  return Selector(std::move(tree), request).run();
}

}  // namespace cooper::layers
