// What the lint rules see while a stage is planned: CHECK-07, CHECK-10 … CHECK-12, CHECK-16, CHECK-19, CHECK-21, CHECK-22.
#include <algorithm>
#include <array>

#include "builder/stage_planner.h"
#include "parser/suggest.h"
#include "parser/text.h"

namespace cooper::builder {
namespace {

namespace rules = parser::rules;

constexpr std::array<std::string_view, 10> kSecretWords = {
    "apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token"};
constexpr std::array<std::string_view, 3> kHarmlessWords = {"public", "file", "version"};

template <class Words>
bool holds(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// A word between underscores names a secret, and none says that it is no secret.
bool looks_like_secret(std::string_view name) {
  const std::string lower = parser::to_lower(name);
  bool secret = false;
  for (parser::Cut rest{{}, lower, true}; rest.found;) {
    rest = parser::cut(rest.after, '_');
    if (holds(kHarmlessWords, rest.before)) return false;
    secret = secret || holds(kSecretWords, rest.before);
  }
  return secret;
}

}  // namespace

void StagePlanner::report(const parser::Rule& rule, std::initializer_list<std::string_view> parts,
                          const std::optional<std::string>& suggestion) {
  plan_.findings(text_.index).report_at(range_, rule, *origin_, parts, suggestion);
}

void StagePlanner::report_undefined(const std::vector<std::string>& names) {
  if (!stage_.base_known) return;  // its Env may hold them
  for (const std::string& name : names) {
    if (speaks_to_builder(name) || stage_.scope.declared(name)) continue;
    auto near = plan_.suggestions().find(name, stage_.scope.names());
    if (near) near->insert(0, 1, '$');
    report(rules::kUndefinedVar, {name}, near);
  }
}

void StagePlanner::report_secret(const char* keyword, const std::string& name) {
  if (looks_like_secret(name)) report(rules::kSecretsUsedInArgOrEnv, {keyword, name});
}

void StagePlanner::report_shell_form(const parser::Command& command, const char* keyword) {
  const auto& shell = stage_.result.config.shell;
  if (command.shell_form && (!shell || shell->empty())) report(rules::kJsonArgsRecommended, {keyword});
}

void StagePlanner::note_only_one(Seen& seen, const char* keyword) {
  const Seen earlier = std::exchange(seen, {origin_, range_});
  if (earlier.origin == nullptr) return;
  // A comment above either of the two silences the rule.
  if (!plan_.findings(text_.index).hears(rules::kMultipleInstructionsDisallowed, *origin_)) return;
  plan_.findings(text_.index).report_at(earlier.range, rules::kMultipleInstructionsDisallowed, *earlier.origin, {keyword});
}

void StagePlanner::report_ignored(const char* keyword, const std::vector<std::string>& sources) {
  if (sources.empty() || !plan_.options().ignored) return;
  const parser::IgnorePatterns* ignored = plan_.options().ignored();
  if (ignored == nullptr || ignored->has_exceptions()) return;
  for (const std::string& source : sources) {
    const TreePath path = TreePath::clean(source);
    const bool excluded = path.is_root() ? ignored->excludes_everything() : ignored->excluded(path);
    if (excluded) report(rules::kCopyIgnoredFile, {keyword, path.is_root() ? "." : path.str()});
  }
}

}  // namespace cooper::builder
