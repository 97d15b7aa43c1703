// What a target can be given (`--call=outline`, rows CALL-03, CALL-05) and which targets there are (`--call=targets`,
// CALL-04), as values.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "builder/planner.h"
#include "builder/scope.h"
#include "builder/stage_table.h"
#include "parser/mount.h"

namespace cooper::builder {

struct Outline {
  struct Argument {
    std::string name;
    std::string description;
    std::string value;  // in effect; "" when there is none
    parser::SourceRange range;
  };
  struct Id {  // of a secret or an SSH agent
    std::string name;
    bool required = false;
    parser::SourceRange range;
  };
  std::string name;  // of the target; "" if unnamed
  std::string description;
  std::vector<Argument> arguments;  // each list in line order
  std::vector<Id> secrets;
  std::vector<Id> ssh;
};

// Plans the target (nothing runs) and tells what it and the stages it needs ask for.
Outline make_outline(const parser::Dockerfile& dockerfile, const PlanOptions& options, BaseResolver& resolver);

struct Target {
  std::string name;  // "" if unnamed
  std::string description;
  std::string base;      // both as written
  std::string platform;
  bool is_default = false;
  parser::SourceRange range;
};
std::vector<Target> list_targets(const parser::Dockerfile& dockerfile);

// Listens to the planner, which tells it what stages declare, mount and need.
class OutlineRecorder {
 public:
  OutlineRecorder(const StageTable& table, const GlobalScope& globals, char escape);

  void argument(std::size_t stage, const parser::Arg& arg, const GlobalScope& globals, const StageScope& scope);
  // One with its id.
  void mount(std::size_t stage, const parser::RunMount& mount, parser::SourceRange range);
  void need(std::size_t stage, std::size_t needed) { stages_[stage].needs.push_back(needed); }

  Outline outline(const StageText& target) const;

 private:
  struct StageNotes {
    std::map<std::string, Outline::Argument> defined;  // over the global ones
    std::set<std::string> used;
    std::vector<Outline::Id> secrets;
    std::vector<Outline::Id> ssh;
    std::vector<std::size_t> needs;  // the stage it continues first
  };
  struct Global {
    Outline::Argument argument;
    std::vector<std::string> refers_to;
  };
  struct Collected;
  void use(std::vector<std::string> pending, std::set<std::string>& names) const;
  void collect(std::size_t stage, Collected& into) const;

  std::map<std::string, Global> globals_;
  std::vector<StageNotes> stages_;
};

}  // namespace cooper::builder
