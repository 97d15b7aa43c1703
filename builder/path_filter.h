// The parser's ignore patterns as the filter that layers' walks ask.
#pragma once

#include <string>
#include <utility>

#include "layers/tree.h"
#include "parser/ignore.h"

namespace cooper::builder {

class IgnoreFilter : public layers::PathFilter {
 public:
  explicit IgnoreFilter(parser::IgnorePatterns patterns) : patterns_(std::move(patterns)) {}
  std::string excluded_by(const TreePath& path) const override { return patterns_.excluded_by(path); }
  bool excluded(const TreePath& path, bool) const override { return patterns_.excluded(path); }
  bool prunable(const TreePath& directory) const override {
    return !patterns_.may_include_beneath(directory);
  }

 private:
  parser::IgnorePatterns patterns_;
};

}  // namespace cooper::builder
