#include "builder/stage_table.h"

#include <algorithm>

#include "base/error.h"
#include "parser/suggest.h"
#include "parser/text.h"

namespace cooper::builder {
StageTable::StageTable(const parser::Dockerfile& dockerfile) {
  for (const parser::Instruction& instruction : dockerfile.instructions) {
    if (const auto* from = std::get_if<parser::From>(&instruction)) {
      if (!from->stage.empty()) by_name_[from->stage].push_back(stages_.size());
      stages_.push_back({from, {}, stages_.size(), from->stage});
    } else if (!stages_.empty()) {
      stages_.back().body.push_back(&instruction);
    } else if (const auto* arg = std::get_if<parser::Arg>(&instruction)) {
      globals_.push_back(arg);
    } else {
      throw parser::DockerfileError("no build stage in current context",
                                    {parser::origin_of(instruction).range});
    }
  }
  if (stages_.empty()) throw parser::DockerfileError("dockerfile contains no stages to build");
}

std::size_t StageTable::target(const std::string& name) const {
  if (name.empty()) return stages_.size() - 1;
  const std::string wanted = parser::to_lower(name);
  if (const auto named = latest_before(wanted, stages_.size())) return *named;
  std::vector<std::string> names;
  for (const StageText& stage : stages_) {
    if (!stage.name.empty()) names.push_back(stage.name);
  }
  throw parser::DockerfileError(cat("target stage \"", name, "\" could not be found",
                                    parser::did_you_mean(parser::find_suggestion(wanted, names))));
}

std::optional<std::size_t> StageTable::latest_before(const std::string& name, std::size_t current) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return std::nullopt;
  const auto later = std::lower_bound(found->second.begin(), found->second.end(), current);
  return later == found->second.begin() ? std::nullopt : std::optional(*std::prev(later));
}

std::optional<std::size_t> StageTable::for_from(const std::string& word, std::size_t current) const {
  return latest_before(word, current);
}

std::optional<std::size_t> StageTable::find(const std::string& word, bool numbers) const {
  if (numbers) {
    if (const auto number = parser::to_integer(word)) {
      if (*number < 0 || *number >= static_cast<std::int64_t>(stages_.size())) {
        throw parser::DockerfileError(cat("invalid stage index ", *number));
      }
      return static_cast<std::size_t>(*number);
    }
  }
  return latest_before(parser::to_lower(word), stages_.size());
}

std::optional<std::size_t> StageTable::for_copy(const std::string& word, std::size_t current, bool numbers,
                                                const char* verb) const {
  const auto found = find(word, numbers);
  if (!found) return std::nullopt;
  if (*found == current) {
    throw parser::DockerfileError(cat("circular dependency detected on stage: ", parser::to_lower(word)));  // FROM-11
  }
  if (*found > current) {
    throw parser::DockerfileError(cat("cannot ", verb, " from stage \"", parser::to_lower(word),
                                      "\", it needs to be defined before current stage \"",
                                      stages_[current].shown(), "\""));
  }
  return found;
}

}  // namespace cooper::builder
