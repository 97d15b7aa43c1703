// Which stages a target needs as far as the text tells. ONBUILD triggers of base images may add to them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "builder/stage_table.h"

namespace cooper::builder {

// How words become stages; the planner knows variables and named contexts.
struct StageFinder {
  std::function<bool(const StageText& stage)> is_replaced;  // by a named context: it needs nothing (CTX-09)
  std::function<std::optional<std::size_t>(const StageText& stage)> base_of;  // of FROM
  std::function<std::optional<std::size_t>(const std::string& word, std::size_t current, bool numbers)> source;  // --from
};

// Numbers in ascending order, the target's last: a stage needs only stages before it.
std::vector<std::size_t> needed_stages(const StageTable& table, std::size_t target, const StageFinder& find);

}  // namespace cooper::builder
