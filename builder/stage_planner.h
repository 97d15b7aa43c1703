// One stage: its instructions, in order, folded into steps, config and history. Private to the planner.
//
// Every word of an instruction sees the variables from before it (EXP-20); errors point at the instruction, those of an
// ONBUILD trigger at the child's FROM (ONBUILD-06).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "builder/plan_builder.h"
#include "builder/sources/git_ref.h"

namespace cooper::builder {

class StagePlanner {
 public:
  StagePlanner(PlanBuilder& plan, const StageText& text, PlannedStage begun);
  PlannedStage finish();

  // One per instruction; std::visit finds them, without a catch-all.
  void operator()(const parser::From& from);
  void operator()(const parser::Arg& arg);
  void operator()(const parser::Env& env);
  void operator()(const parser::Label& label);
  void operator()(const parser::Maintainer& maintainer);
  void operator()(const parser::Run& run);
  void operator()(const parser::Copy& copy);
  void operator()(const parser::Add& add);
  void operator()(const parser::Workdir& workdir);
  void operator()(const parser::User& user);
  void operator()(const parser::Cmd& cmd);
  void operator()(const parser::Entrypoint& entrypoint);
  void operator()(const parser::Shell& shell);
  void operator()(const parser::Healthcheck& check);
  void operator()(const parser::Onbuild& onbuild);
  void operator()(const parser::Volume& volume);
  void operator()(const parser::Expose& expose);
  void operator()(const parser::Stopsignal& signal);

 private:
  void run_triggers();
  void visit_at(const parser::Instruction& instruction, std::optional<parser::SourceRange> range);
  std::string expand(const std::string& word);
  std::string expand_body(const parser::Heredoc& heredoc);
  void report(const parser::Rule& rule, std::initializer_list<std::string_view> parts = {},
              const std::optional<std::string>& suggestion = {});
  void report_undefined(const std::vector<std::string>& names);
  void report_secret(const char* keyword, const std::string& name);
  // CHECK-12: the earlier of two is told of.
  struct Seen {
    const parser::Origin* origin = nullptr;
    parser::SourceRange range;
  };
  void note_only_one(Seen& seen, const char* keyword);
  void report_shell_form(const parser::Command& command, const char* keyword);
  void report_ignored(const char* keyword, const std::vector<std::string>& sources);
  std::vector<std::string> with_shell(const std::string& text) const;
  std::string history_begun(const char* keyword) const;  // of the instruction, with room for its words
  void record(std::string created_by, std::optional<StepId> step = std::nullopt);
  StepId add_step(Step&& step);  // one with its operation and display; the rest is filled in
  std::string platform_prefix() const;
  std::string display_begun();  // of the next step, with room for its instruction
  CopyStep::Source git_source(GitRef ref, const parser::Add& add, const std::string& checksum);
  CopyStep::Source url_source(const std::string& url, const parser::Add& add, const std::string& checksum);
  // `step` holds a CopyStep with its sources; `sources` is for history and display.
  void copy_files(Step&& step, const std::vector<std::string>& sources,
                  const std::vector<parser::Heredoc>& heredocs, const std::string& destination,
                  const char* keyword);
  void plan_mounts(const parser::Run& run, RunStep& step);
  std::string mount_target(const std::string& written) const;
  std::optional<StepId> mount_from(const parser::RunMount& mount);
  Network network_of(const parser::Run& run) const;
  bool allowed(const std::string& entitlement) const;
  std::string absolute(const std::string& path) const;

  PlanBuilder& plan_;
  const StageText& text_;
  PlannedStage stage_;
  parser::SourceRange range_;  // of the instruction being visited
  const parser::Origin* origin_ = nullptr;  // the same
  Seen last_cmd_;
  Seen last_entrypoint_;
  Seen last_healthcheck_;
  bool from_trigger_ = false;
  bool cmd_set_ = false;  // CMD-03, CMD-04
  std::size_t step_number_ = 0;
  std::size_t step_total_ = 0;
  std::string total_text_;
  std::vector<parser::Instruction> triggers_;
};

}  // namespace cooper::builder
