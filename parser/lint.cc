#include "parser/lint.h"

#include <algorithm>
#include <set>

#include "parser/check.h"
#include "parser/rules.h"
#include "parser/text.h"

namespace cooper::parser {
namespace {

class Findings {
 public:
  void add(const Rule& rule, const Origin& origin, std::string message) {
    add(rule, origin, std::move(message), origin.range);
  }
  void add(const Rule& rule, const Origin& origin, std::string message, SourceRange range) {
    if (skips(check_of_comments(origin.comments), rule.name)) return;
    found_.push_back(make_diagnostic(rule, std::move(message), {range}));
  }
  std::vector<Diagnostic> sorted() && {
    std::stable_sort(found_.begin(), found_.end(),
                     [](const Diagnostic& left, const Diagnostic& right) {
                       return left.ranges.front().first_line < right.ranges.front().first_line;
                     });
    return std::move(found_);
  }

 private:
  std::vector<Diagnostic> found_;
};

bool is_lower(std::string_view text) {
  return text == to_lower(text);
}
bool is_upper(std::string_view text) {
  return text == to_upper(text);
}

void lint_stage(const From& from, std::set<std::string>& names, Findings& findings) {
  if (from.stage.empty()) return;
  const Origin& origin = from.origin;
  if (!is_lower(from.stage_written)) {
    findings.add(rules::kStageNameCasing, origin,
                 cat("Stage name '", from.stage_written, "' should be lowercase"));
  }
  const std::string& as = origin.words[1];
  const bool matches =
      is_lower(origin.keyword) ? is_lower(as) : !is_upper(origin.keyword) || is_upper(as);
  if (!matches) {
    findings.add(rules::kFromAsCasing, origin,
                 cat("'", as, "' and '", origin.keyword, "' keywords' casing do not match"));
  }
  if (from.stage == "scratch" || from.stage == "context") {
    findings.add(
        rules::kReservedStageName, origin,
        cat("Stage name should not use the same name as reserved stage ", quoted(from.stage)));
  }
  if (!names.insert(from.stage).second) {
    findings.add(
        rules::kDuplicateStageName, origin,
        cat("Duplicate stage name ", quoted(from.stage_written), ", stage names should be unique"));
  }
}

void lint_legacy_pair(const Origin& origin, Findings& findings) {
  const std::string name = to_upper(origin.keyword);
  findings.add(rules::kLegacyKeyValueFormat, origin,
               cat("\"", name, " key=value\" should be used instead of legacy \"", name,
                   " key value\" format"));
}

// CHECK-04. Global ARGs have no vote and are not judged.
void lint_casing(const std::vector<Instruction>& instructions, Findings& findings) {
  std::vector<const Origin*> judged;
  for (const Instruction& instruction : instructions) {
    if (judged.empty() && !std::holds_alternative<From>(instruction)) continue;
    judged.push_back(&origin_of(instruction));
  }
  const auto count = [&judged](bool (*test)(std::string_view)) {
    return std::count_if(judged.begin(), judged.end(),
                         [test](const Origin* origin) { return test(origin->keyword); });
  };
  const bool lower = count(is_lower) > count(is_upper);
  for (const Origin* origin : judged) {
    if (lower ? is_lower(origin->keyword) : is_upper(origin->keyword)) continue;
    findings.add(
        rules::kConsistentInstructionCasing, *origin,
        cat("Command '", origin->keyword, "' should match the case of the command majority (",
            lower ? "lowercase" : "uppercase", ")"));
  }
}

}  // namespace

std::vector<Diagnostic> lint_instructions(
    const std::vector<Instruction>& instructions,
    const std::vector<EmptyContinuation>& empty_continuations) {
  Findings findings;
  std::set<std::string> stage_names;
  for (const EmptyContinuation& empty : empty_continuations) {
    findings.add(rules::kNoEmptyContinuation, origin_of(instructions[empty.instruction]),
                 "Empty continuation line", {empty.line, empty.line});
  }
  for (const Instruction& instruction : instructions) {
    if (const auto* from = std::get_if<From>(&instruction))
      lint_stage(*from, stage_names, findings);
    if (const auto* env = std::get_if<Env>(&instruction); env != nullptr && env->legacy) {
      lint_legacy_pair(env->origin, findings);
    }
    if (const auto* label = std::get_if<Label>(&instruction); label != nullptr && label->legacy) {
      lint_legacy_pair(label->origin, findings);
    }
    if (std::holds_alternative<Maintainer>(instruction)) {
      findings.add(rules::kMaintainerDeprecated, origin_of(instruction),
                   "Maintainer instruction is deprecated in favor of using label");
    }
  }
  lint_casing(instructions, findings);
  return std::move(findings).sorted();
}

}  // namespace cooper::parser
