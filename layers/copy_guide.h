// Which paths beneath a source directory a COPY takes. Private to select.cc.
#pragma once

#include <string>
#include <vector>

#include "layers/copy.h"
#include "layers/walk.h"

namespace cooper::layers {

// Finds what a wildcard means (COPY-10): one pattern per level, links are not followed on the way,
// nothing is looked for beneath a match.
class WildcardGuide : public WalkGuide {
 public:
  WildcardGuide(const CopyRequest& request, std::vector<std::string> levels)
      : request_(request), levels_(std::move(levels)) {}
  WalkChoice choose(const TreePath& relative, bool is_directory) const override;

 private:
  const CopyRequest& request_;
  std::vector<std::string> levels_;
};

// What is copied from a directory: everything, or with --parents what matches the part behind the
// pivot (COPY-29 … COPY-31), in both cases without what --exclude names (COPY-33, COPY-35).
class ContentGuide : public WalkGuide {
 public:
  explicit ContentGuide(const CopyRequest& request) : request_(request) {}
  ContentGuide(const CopyRequest& request, TreePath pattern);
  WalkChoice choose(const TreePath& relative, bool is_directory) const override;
  bool leaves_unread() const override { return request_.leave_unread; }

 private:
  bool matches(const TreePath& relative) const;
  bool may_match_beneath(const TreePath& relative) const;

  const CopyRequest& request_;
  bool everything_ = true;
  bool wild_ = false;
  TreePath pattern_;
};

}  // namespace cooper::layers
