#include "builder/from_lint.h"

#include <optional>

#include "oci/platform.h"
#include "oci/reference.h"
#include "parser/suggest.h"

namespace cooper::builder {
namespace {

namespace rules = parser::rules;

struct Expansion {
  std::string text;
  std::vector<std::string> set;    // names that had a value
  std::vector<std::string> unset;  // names that had none
};

// nullopt for a malformed word, which planning reports.
std::optional<Expansion> expand(const std::string& word, const GlobalScope& scope, char escape) {
  Expansion expansion;
  const parser::Lookup lookup = [&](std::string_view name) {
    auto value = scope.get(name);
    if (value) expansion.set.emplace_back(name);
    return value;
  };
  try {
    expansion.text = parser::expand_word(word, escape, lookup, &expansion.unset);
  } catch (const parser::DockerfileError&) {
    return std::nullopt;
  }
  return expansion;
}

bool is_reference(const std::string& text) {
  try {
    static_cast<void>(oci::parse_reference(text));
    return true;
  } catch (const Error&) {
    return false;
  }
}

// A constant that the stage's name speaks of is meant: "FROM --platform=linux/arm64 x AS build-arm64".
bool is_named_after(const std::string& stage, const std::string& platform) {
  try {
    const oci::Platform parsed = oci::parse_platform(platform);
    return stage.find(parsed.os) != std::string::npos || stage.find(parsed.architecture) != std::string::npos;
  } catch (const Error&) {
    return true;  // no platform at all: planning says so
  }
}

class FromLint {
 public:
  FromLint(const parser::From& from, const GlobalScope& globals, char escape, parser::SuggestionBudget& suggestions,
           parser::Findings& findings)
      : from_(from), globals_(globals), escape_(escape), suggestions_(suggestions), findings_(findings) {}

  void run() {
    if (const auto image = expand(from_.image, globals_, escape_)) report_undefined(*image);
    if (from_.platform.empty()) return;
    const auto platform = expand(from_.platform, globals_, escape_);
    if (!platform) return;
    report_undefined(*platform);
    const bool only_target = platform->set == std::vector<std::string>{"TARGETPLATFORM"} && platform->unset.empty();
    if (only_target && platform->text == globals_.get("TARGETPLATFORM")) {
      findings_.report(rules::kRedundantTargetPlatform, from_.origin, {from_.platform});
    }
    const bool constant = platform->set.empty() && platform->unset.empty();
    if (constant && !is_named_after(from_.stage, platform->text)) {
      findings_.report(rules::kFromPlatformFlagConstDisallowed, from_.origin, {platform->text});
    }
  }

 private:
  void report_undefined(const Expansion& expansion) {
    for (const std::string& name : expansion.unset) {
      if (globals_.knows(name)) continue;
      findings_.report(rules::kUndefinedArgInFrom, from_.origin, {name},
                       suggestions_.find(name, globals_.names()));
    }
  }

  const parser::From& from_;
  const GlobalScope& globals_;
  char escape_;
  parser::SuggestionBudget& suggestions_;
  parser::Findings& findings_;
};

}  // namespace

void lint_froms(const StageTable& table, const GlobalScope& globals, const GlobalScope* defaults, char escape,
                parser::Findings& findings) {
  for (const StageText& stage : table.stages()) {
    if (defaults == nullptr) break;
    const auto image = expand(stage.from->image, *defaults, escape);
    if (!image) break;
    if (is_reference(image->text)) continue;
    findings.report(rules::kInvalidDefaultArgInFrom, stage.from->origin, {stage.from->image});
  }
  parser::SuggestionBudget suggestions;
  for (const StageText& stage : table.stages()) FromLint(*stage.from, globals, escape, suggestions, findings).run();
}

}  // namespace cooper::builder
