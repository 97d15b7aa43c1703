// The making of a plan, stage by stage, on demand: a stage is planned when the target or another stage needs it
// (FROM-09). Private to the planner.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builder/planner.h"
#include "builder/scope.h"
#include "builder/stage_table.h"

namespace cooper::builder {

// A stage as far as it is planned: what a later `FROM stage` continues (FROM-13).
struct PlannedStage {
  StageResult result;
  StageScope scope;
  oci::Platform platform;
};

class PlanBuilder {
 public:
  PlanBuilder(const parser::Dockerfile& dockerfile, const PlanOptions& options, BaseResolver& resolver);

  Plan build();

  // -- for the stage being planned ------------------------------------------------------------------
  const PlannedStage& stage(std::size_t index);
  // --from of COPY (numbers allowed) and of mounts: a stage, a named context, or an image (FROM-05 … FROM-07, CTX-09).
  StepId files_of(const std::string& from, std::size_t current, bool numbers, const char* verb,
                  const oci::Platform& platform);
  StepId context(const std::string& name);  // "" is the main one
  // One step for equal sources.
  StepId fetched(const RemoteSource& source, parser::SourceRange range);
  StepId add(Step step);

  const PlanOptions& options() const noexcept { return options_; }
  const GlobalScope& globals() const noexcept { return globals_; }
  const StageTable& table() const noexcept { return table_; }
  char escape() const noexcept { return dockerfile_.escape; }

 private:
  PlannedStage begin_stage(const StageText& text);
  PlannedStage from_image(const std::string& image, const StageText& text, const oci::Platform& platform);
  PlannedStage from_scratch();
  // The named context that stands for a whole stage.
  std::optional<FoundContext> overriding(const StageText& text) const;
  PlannedStage from_context(const FoundContext& found, const StageText& text, const oci::Platform& platform);
  PlannedStage from_files(StepId files, const std::string& name, const StageText& text);
  StepId files_of_context(const FoundContext& found, const oci::Platform& platform, parser::SourceRange range);
  std::string base_name(const parser::From& from) const;
  oci::Platform stage_platform(const parser::From& from) const;
  ResolvedBase resolve(const std::string& reference, const oci::Platform& platform);
  std::pair<StepId, ResolvedBase> image(const std::string& reference, const oci::Platform& platform,
                                        const std::string& display, parser::SourceRange range);
  void resolve_epoch();
  void check_every_base() const;
  std::optional<std::int64_t> time_of(const std::string& source) const;
  bool is_context(const StageText& stage, const std::string& name) const;
  void name_platform(oci::Platform& platform) const;

  const parser::Dockerfile& dockerfile_;
  const PlanOptions& options_;
  BaseResolver& resolver_;
  StageTable table_;
  GlobalScope globals_;
  Plan plan_;
  std::vector<std::optional<PlannedStage>> stages_;
  std::vector<bool> in_progress_;
  std::map<std::string, StepId> contexts_;
  std::vector<std::pair<RemoteSource, StepId>> fetched_;
  std::map<std::pair<std::string, oci::Platform>, std::pair<StepId, ResolvedBase>> images_;
};

}  // namespace cooper::builder
