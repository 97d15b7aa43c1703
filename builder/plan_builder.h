// The making of a plan, stage by stage, on demand: a stage is planned when the target or another stage needs it
// (FROM-09). Private to the planner.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builder/outline.h"
#include "builder/planner.h"
#include "builder/scope.h"
#include "builder/stage_links.h"
#include "builder/stage_table.h"
#include "parser/suggest.h"

namespace cooper::builder {

// A stage as far as it is planned: what a later `FROM stage` continues (FROM-13).
struct PlannedStage {
  StageResult result;
  StageScope scope;
  oci::Platform platform;
  std::string base_image;    // of FROM image, until its step is named
  bool base_known = true;    // ResolvedBase::known
  bool workdir_set = false;  // by a WORKDIR of this Dockerfile (CHECK-10)
  // Of the config, which gets them when they are a target's.
  EnvironmentList image_env;
  bool env_changed = false;
};

// What FROM comes to, once the global ARGs are known.
struct StageBase {
  std::string name;
  oci::Platform platform;
  std::optional<FoundContext> replaced;  // the named context that stands for the whole stage (CTX-09)
  std::optional<std::size_t> stage;      // the earlier stage that this one continues
};

// What is the same for every RUN of a build.
RunStep usual_run(const PlanOptions& options);

class PlanBuilder {
 public:
  PlanBuilder(const parser::Dockerfile& dockerfile, const PlanOptions& options, BaseResolver& resolver,
              parser::Findings& findings);

  Plan build();
  Outline outline();  // of the first target

  // -- for the stage being planned ------------------------------------------------------------------
  const PlannedStage& stage(std::size_t index);
  // --from of COPY (numbers allowed) and of mounts: a stage, a named context, or an image (FROM-05 … FROM-07, CTX-09).
  StepId files_of(const std::string& from, std::size_t current, bool numbers, const char* verb,
                  const oci::Platform& platform);
  StepId context(const std::string& name);  // "" is the main one
  // One step for equal sources.
  StepId fetched(const RemoteSource& source, parser::SourceRange range);
  StepId add(Step&& step);
  // A source is shown as the FROM that came first.
  void name_source(StepId source, const std::string& display, parser::SourceRange range);
  void depend_on_target() noexcept { depends_on_target_ = true; }
  OutlineRecorder* recorder() noexcept { return outline_ ? &*outline_ : nullptr; }
  parser::SuggestionBudget& suggestions() noexcept { return suggestions_; }
  // Where findings about a stage go: those of a stage that is planned again for another target are known.
  parser::Findings& findings(std::size_t stage) { return heard_[stage] ? unheard_ : findings_; }

  const PlanOptions& options() const noexcept { return options_; }
  const RunStep& usual_run() const noexcept { return usual_run_; }
  const GlobalScope& globals() const noexcept { return globals_; }
  const StageTable& table() const noexcept { return table_; }
  char escape() const noexcept { return dockerfile_.escape; }

 private:
  struct WantedTarget {
    std::size_t stage;
    std::string given;  // as it was asked for, in any case; its stage's name if it was not
  };
  void want(const std::string& name);
  PlannedStage take_stage(std::size_t index);
  PlannedStage begin_stage(const StageText& text);
  PlannedStage from_image(const std::string& image, const StageText& text, const oci::Platform& platform);
  PlannedStage from_scratch();
  PlannedStage from_context(const FoundContext& found, const StageText& text, const oci::Platform& platform);
  PlannedStage from_files(StepId files, const std::string& name, const StageText& text);
  StepId files_of_context(const FoundContext& found, const oci::Platform& platform, const StageText& user);
  std::optional<std::size_t> stage_of(const NamedContext& context) const;
  StageBase base_of(const StageText& text) const;
  std::string base_name(const parser::From& from) const;
  oci::Platform stage_platform(const parser::From& from) const;
  std::pair<StepId, ResolvedBase> image(const std::string& reference, const oci::Platform& platform);
  ResolvedBase resolve(const std::string& reference, const oci::Platform& platform);
  void declare_globals(const std::string& target);
  void resolve_epoch();
  std::optional<std::int64_t> time_of(const std::string& source) const;
  const PlannedStage& stage_with_needs(std::size_t target);
  void plan_target(std::size_t target);
  void name_platform(oci::Platform& platform) const;
  void resolve_bases();

  const parser::Dockerfile& dockerfile_;
  const PlanOptions& options_;
  BaseResolver& resolver_;
  parser::Findings& findings_;
  StageTable table_;
  GlobalScope globals_;
  Plan plan_;
  std::vector<StageBase> bases_;               // by stage, like the following
  std::vector<std::vector<StageLink>> links_;  // what it copies and mounts from
  std::vector<std::optional<PlannedStage>> stages_;
  std::vector<std::size_t> uses_;  // how many stages may still continue this one, and whether it is a target
  std::vector<WantedTarget> targets_;
  std::vector<bool> in_progress_;
  std::vector<bool> heard_;
  parser::Findings unheard_;
  parser::SuggestionBudget suggestions_;
  bool depends_on_target_ = false;  // TARGETSTAGE is spoken of: no stage may be shared between targets
  RunStep usual_run_;
  std::optional<OutlineRecorder> outline_;
  std::map<std::string, StepId> contexts_;
  std::vector<std::pair<RemoteSource, StepId>> fetched_;
  std::map<std::pair<std::string, oci::Platform>, std::pair<StepId, ResolvedBase>> images_;
};

}  // namespace cooper::builder
