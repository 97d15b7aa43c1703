// What the stages of a file refer to, judged over the whole file before any stage is planned. Stages that the target
// does not need are never planned, and yet these fail wherever they stand: a stage number that is not there (FROM-05),
// a name that can't be an image's (FROM-09), stages that need each other (FROM-11).
//
// ONBUILD triggers of base images are not known yet; theirs are judged when they run.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "builder/stage_table.h"

namespace cooper::builder {

// Whether a word of a stage is the name of a context: then it need be neither stage nor image, and a stage of that name
// is replaced as a whole (CTX-09).
using IsContext = std::function<bool(const StageText& stage, const std::string& name)>;

// A stage that COPY or a mount of another takes files from.
struct StageLink {
  std::size_t to = 0;
  parser::SourceRange range;  // of the instruction
};

// By stage, in the order of its instructions. Also found, and left to planning to refuse: links to later stages (FROM-06).
std::vector<std::vector<StageLink>> read_stage_links(const StageTable& table, const IsContext& is_context);

// FROM-09: DockerfileError for what can't name an image.
void check_image_name(const std::string& name);

}  // namespace cooper::builder
