#include "builder/copy_request.h"

#include "builder/path_filter.h"
#include "parser/glob.h"

namespace cooper::builder {
namespace {

layers::CopyRequest bare_request() {
  layers::CopyRequest request;
  request.glob = [](const std::string& pattern, const std::string& path, bool deep) {
    return deep ? parser::glob_match_deep(pattern, path) : parser::glob_match(pattern, path);
  };
  request.has_wildcard = [](const std::string& pattern) { return parser::has_wildcard(pattern); };
  return request;
}

}  // namespace

layers::CopyRequest copy_request(const CopyStep& step, const CopyStep::Source& source) {
  layers::CopyRequest request = bare_request();
  for (const std::string& pattern : source.patterns) {
    request.sources.push_back({pattern, source.literal, source.name});
  }
  request.parents = step.parents;
  request.unpack_archives = source.unpack;
  if (!step.excludes.empty()) request.exclude = std::make_shared<IgnoreFilter>(parser::IgnorePatterns(step.excludes));
  return request;
}

layers::CopyRequest heredoc_request(const CopyStep& step) {
  layers::CopyRequest request = bare_request();
  for (const auto& [name, content] : step.heredocs) request.sources.push_back({name, true});
  return request;
}

}  // namespace cooper::builder
