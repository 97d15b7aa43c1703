#include "builder/stage_table.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/error.h"
#include "parser/suggest.h"

namespace cooper::builder {
namespace {

std::string to_lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

StageTable::StageTable(const parser::Dockerfile& dockerfile) {
  for (const parser::Instruction& instruction : dockerfile.instructions) {
    if (const auto* from = std::get_if<parser::From>(&instruction)) {
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
  const std::string wanted = to_lower(name);
  for (std::size_t i = stages_.size(); i-- > 0;) {
    if (stages_[i].name == wanted) return i;
  }
  std::vector<std::string> names;
  for (const StageText& stage : stages_) {
    if (!stage.name.empty()) names.push_back(stage.name);
  }
  throw parser::DockerfileError(cat("target stage \"", name, "\" could not be found",
                                    parser::did_you_mean(parser::find_suggestion(wanted, names))));
}

std::optional<std::size_t> StageTable::for_from(const std::string& word, std::size_t current) const {
  for (std::size_t i = current; i-- > 0;) {
    if (!stages_[i].name.empty() && stages_[i].name == word) return i;
  }
  return std::nullopt;
}

std::optional<std::size_t> StageTable::for_copy(const std::string& word, std::size_t current, bool numbers,
                                                const char* verb) const {
  const std::string wanted = to_lower(word);
  for (std::size_t i = current; i-- > 0;) {
    if (stages_[i].name == wanted) return i;
  }
  if (stages_[current].name == wanted) {
    throw parser::DockerfileError(cat("circular dependency detected on stage: ", wanted));  // FROM-11
  }
  for (std::size_t i = current + 1; i < stages_.size(); ++i) {
    if (stages_[i].name != wanted) continue;
    throw parser::DockerfileError(cat("cannot ", verb, " from stage \"", wanted,
                                      "\", it needs to be defined before current stage \"",
                                      stages_[current].shown(), "\""));
  }
  std::size_t number = 0;
  const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (!numbers || word.empty() || failure != std::errc() || end != word.data() + word.size()) {
    return std::nullopt;
  }
  if (number == current) {
    throw parser::DockerfileError(cat("circular dependency detected on stage: ", word));
  }
  if (number > current) throw parser::DockerfileError(cat("invalid stage index ", word));
  return number;
}

}  // namespace cooper::builder
