// A planned COPY or ADD as layers understands it: patterns, excludes and globs bound to the parser's matchers.
#pragma once

#include "builder/plan.h"
#include "layers/copy.h"

namespace cooper::builder {

layers::CopyRequest copy_request(const CopyStep& step, const CopyStep::Source& source);
// The same for the step's heredoc files, which come after the paths (HEREDOC-14).
layers::CopyRequest heredoc_request(const CopyStep& step);

}  // namespace cooper::builder
