#include "parser/lint.h"

#include <algorithm>
#include <set>

#include "parser/rules.h"
#include "parser/text.h"

namespace cooper::parser {
namespace {

bool has_upper(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}
bool has_lower(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}
bool is_lower(std::string_view text) {
  return !has_upper(text);
}
bool is_upper(std::string_view text) {
  return !has_lower(text);
}

// CHECK-20. The last comment line is the one that describes.
void lint_description(const Origin& origin, std::string_view keyword, const std::vector<std::string_view>& names,
                      Findings& findings) {
  if (origin.comments.empty() || names.empty()) return;
  const std::string_view first_word = cut(origin.comments.back(), ' ').before;
  if (std::find(names.begin(), names.end(), first_word) != names.end()) return;
  findings.report(rules::kInvalidDefinitionDescription, origin,
                  {keyword, names.size() == 1 ? names.front() : "<arg_key>"});
}

void lint_stage(const From& from, std::set<std::string_view>& names, Findings& findings) {
  if (from.stage.empty()) return;
  const Origin& origin = from.origin;
  if (!is_lower(from.stage_written)) findings.report(rules::kStageNameCasing, origin, {from.stage_written});
  const std::string_view keyword = origin.keyword();
  const std::string_view as = from.as_written;
  // A keyword of mixed case is the other casing rule's.
  const bool matches = is_lower(keyword) ? is_lower(as) : !is_upper(keyword) || is_upper(as);
  if (!matches) findings.report(rules::kFromAsCasing, origin, {as, keyword});
  if (from.stage == "scratch" || from.stage == "context") {
    findings.report(rules::kReservedStageName, origin, {from.stage});
  }
  if (!names.insert(from.stage).second) findings.report(rules::kDuplicateStageName, origin, {from.stage});
  lint_description(origin, "FROM", {from.stage}, findings);
}

void lint_argument(const Arg& arg, Findings& findings) {
  if (arg.origin.comments.empty()) return;
  std::vector<std::string_view> names;
  for (const Arg::Entry& entry : arg.entries) names.push_back(entry.name);
  lint_description(arg.origin, "ARG", names, findings);
}

// CHECK-04. Global ARGs have no vote and are not judged.
void lint_casing(const std::deque<Instruction>& instructions, Findings& findings) {
  const auto first = std::find_if(instructions.begin(), instructions.end(), [](const Instruction& instruction) {
    return std::holds_alternative<From>(instruction);
  });
  std::size_t lower_count = 0;
  std::size_t upper_count = 0;
  for (auto each = first; each != instructions.end(); ++each) {
    const std::string_view keyword = origin_of(*each).keyword();
    if (is_lower(keyword)) {
      ++lower_count;
    } else if (is_upper(keyword)) {
      ++upper_count;
    }
  }
  const bool lower = lower_count > upper_count;
  for (auto each = first; each != instructions.end(); ++each) {
    const Origin& origin = origin_of(*each);
    const std::string_view keyword = origin.keyword();
    if (lower ? is_lower(keyword) : is_upper(keyword)) continue;
    findings.report(rules::kConsistentInstructionCasing, origin, {keyword, lower ? "lower" : "upper"});
  }
}

}  // namespace

void lint_text(const Dockerfile& dockerfile, Findings& findings) {
  std::set<std::string_view> stage_names;
  for (const EmptyContinuation& empty : dockerfile.empty_continuations) {
    const Origin& origin = origin_of(dockerfile.instructions[empty.instruction]);
    findings.report_at({empty.line, empty.line}, rules::kNoEmptyContinuation, origin);
  }
  for (const Instruction& instruction : dockerfile.instructions) {
    if (const auto* from = std::get_if<From>(&instruction)) lint_stage(*from, stage_names, findings);
    if (const auto* arg = std::get_if<Arg>(&instruction)) lint_argument(*arg, findings);
    if (const auto* maintainer = std::get_if<Maintainer>(&instruction)) {
      findings.report(rules::kMaintainerDeprecated, maintainer->origin);
    }
  }
  lint_casing(dockerfile.instructions, findings);
}

}  // namespace cooper::parser
