// The stages of a Dockerfile, before any is planned: names, numbers, which instructions are whose.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "parser/dockerfile.h"

namespace cooper::builder {

struct StageText {
  const parser::From* from = nullptr;
  std::vector<const parser::Instruction*> body;
  std::size_t index = 0;
  std::string name;  // "" if unnamed; lower case

  std::string shown() const { return name.empty() ? std::to_string(index) : name; }
};

class StageTable {
 public:
  // Error for ARG-only files and instructions ahead of the first FROM is the parser's; this one throws for a file
  // without stages (LEX-10).
  explicit StageTable(const parser::Dockerfile& dockerfile);

  const std::vector<StageText>& stages() const noexcept { return stages_; }
  const std::vector<const parser::Arg*>& globals() const noexcept { return globals_; }

  // FROM-10: "" is the last one; a name in any case. Error with a suggestion.
  std::size_t target(const std::string& name) const;
  // FROM-04: the latest stage before `current` whose name is exactly `word`.
  std::optional<std::size_t> for_from(const std::string& word, std::size_t current) const;
  // FROM-05: the stage that --from means, wherever it stands: by name in any case (the latest of several), for COPY by
  // number. nullopt: no stage. Error for a number that no stage has.
  std::optional<std::size_t> find(const std::string& word, bool numbers) const;
  // The same for an instruction of stage `current` (FROM-06): "cannot copy from stage" when it comes later.
  std::optional<std::size_t> for_copy(const std::string& word, std::size_t current, bool numbers,
                                      const char* verb) const;

 private:
  std::optional<std::size_t> latest_before(const std::string& name, std::size_t current) const;

  std::vector<StageText> stages_;
  std::vector<const parser::Arg*> globals_;
  std::unordered_map<std::string, std::vector<std::size_t>> by_name_;  // ascending
};

}  // namespace cooper::builder
