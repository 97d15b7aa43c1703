// What the stages of a file refer to, judged over the whole file before any stage is planned. Stages that the target
// does not need are never planned, and yet these fail wherever they stand: a stage number that is not there (FROM-05),
// a name that can't be an image's (FROM-09), stages that need each other (FROM-11).
//
// ONBUILD triggers of base images are not known yet; theirs are judged when they run.
#pragma once

#include <functional>
#include <string>

#include "builder/stage_table.h"

namespace cooper::builder {

// Whether a word of a stage is the name of a context: then it need be neither stage nor image, and a stage of that name
// is replaced as a whole (CTX-09).
using IsContext = std::function<bool(const StageText& stage, const std::string& name)>;

void check_stage_links(const StageTable& table, const IsContext& is_context);

}  // namespace cooper::builder
