#include "builder/planner.h"

#include <algorithm>

#include "base/error.h"
#include "builder/from_lint.h"
#include "builder/merge_plans.h"
#include "builder/plan_builder.h"
#include "builder/stage_links.h"
#include "builder/stage_planner.h"
#include "oci/reference.h"
#include "parser/lint.h"
#include "parser/suggest.h"
#include "parser/text.h"

namespace cooper::builder {
namespace {

// PLAT-01. TARGETVARIANT and the like are set even when empty (PLAT-04).
std::vector<std::pair<std::string, std::string>> automatic_arguments(const PlanOptions& options,
                                                                     const std::string& target) {
  std::vector<std::pair<std::string, std::string>> list;
  const auto add = [&](const std::string& prefix, const oci::Platform& platform) {
    list.emplace_back(prefix + "PLATFORM", platform.str());
    list.emplace_back(prefix + "OS", platform.os);
    list.emplace_back(prefix + "OSVERSION", platform.os_version);
    list.emplace_back(prefix + "ARCH", platform.architecture);
    list.emplace_back(prefix + "VARIANT", platform.variant);
  };
  add("BUILD", options.build_platform);
  add("TARGET", options.target_platform);
  list.emplace_back("TARGETSTAGE", target.empty() ? "default" : target);
  return list;
}

// FROM-16: the first unset variable of an expression that has a near name among those that are set.
std::string suggestion_for(const std::string& expression, char escape, const GlobalScope& globals) {
  for (const std::string& name : parser::referenced_names(expression, escape)) {
    if (globals.get(name)) continue;
    const std::string hint = parser::did_you_mean(parser::find_suggestion(name, globals.names()));
    if (!hint.empty()) return hint;
  }
  return "";
}

template <class Body>
decltype(auto) at_range(parser::SourceRange range, Body&& body) {
  try {
    return body();
  } catch (parser::DockerfileError& error) {
    error.locate(range);
    throw;
  } catch (const Error& error) {
    if (error.code() == Errc::cancelled) throw;
    throw parser::DockerfileError(error.what(), {range}, error.code());
  }
}

}  // namespace

PlanBuilder::PlanBuilder(const parser::Dockerfile& dockerfile, const PlanOptions& options,
                         BaseResolver& resolver, parser::Findings& findings)
    : dockerfile_(dockerfile),
      options_(options),
      resolver_(resolver),
      findings_(findings),
      table_(dockerfile),
      globals_({}, {}),
      stages_(table_.stages().size()),
      uses_(table_.stages().size(), 0),
      in_progress_(table_.stages().size(), false),
      heard_(table_.stages().size(), false),
      depends_on_target_(dockerfile.text.find("TARGETSTAGE") != std::string::npos),
      usual_run_(builder::usual_run(options)) {}

Plan PlanBuilder::build() {
  check_frontend(dockerfile_.directives.syntax, options_.build_args, dockerfile_.directives.syntax_range);
  parser::lint_text(dockerfile_, findings_);
  for (const std::string& name : options_.targets) want(name);
  if (targets_.empty()) want("");
  declare_globals(targets_.front().given);
  if (options_.every_stage) {
    for (std::size_t i = 0; i < stages_.size(); ++i) stage(i);
  }
  for (const WantedTarget& target : targets_) {
    if (target.stage != targets_.front().stage && depends_on_target_) {
      std::fill(stages_.begin(), stages_.end(), std::nullopt);
      declare_globals(target.given);
    }
    plan_target(target.stage);
  }
  return std::move(plan_);
}

void PlanBuilder::want(const std::string& name) {
  const std::size_t stage = table_.target(name);
  for (const WantedTarget& known : targets_) {
    if (known.stage == stage) return;
  }
  targets_.push_back({stage, name.empty() ? table_.stages()[stage].name : name});
}

Outline PlanBuilder::outline() {
  want(options_.targets.empty() ? "" : options_.targets.front());
  const WantedTarget& target = targets_.front();
  declare_globals(target.given);
  outline_.emplace(table_, globals_, escape());
  stage_with_needs(target.stage);
  return outline_->outline(table_.stages()[target.stage]);
}

// Stages are planned in the order of the file, so that a long chain of them makes no deep recursion.
const PlannedStage& PlanBuilder::stage_with_needs(std::size_t target) {
  std::vector<bool> needed(target + 1, false);
  needed[target] = true;
  for (std::size_t index = target + 1; index-- > 0;) {  // needs point backwards
    if (!needed[index]) continue;
    if (const auto base = bases_[index].stage) needed[*base] = true;
    for (const StageLink& link : links_[index]) {
      if (link.to < index) needed[link.to] = true;
    }
  }
  for (std::size_t index = 0; index < target; ++index) {
    if (needed[index]) stage(index);
  }
  return stage(target);
}

void PlanBuilder::plan_target(std::size_t target) {
  stage_with_needs(target);
  PlannedStage stage = take_stage(target);
  PlannedTarget planned{table_.stages()[target].shown(), std::move(stage.result), {}};
  if (stage.env_changed) planned.result.config.env = stage.image_env.words();
  for (const auto& [key, value] : options_.labels) planned.result.config.labels[key] = value;
  name_platform(planned.result.config.platform);
  plan_.targets.push_back(std::move(planned));
}

// TARGETSTAGE makes them a target's own.
void PlanBuilder::declare_globals(const std::string& target) {
  globals_ = GlobalScope(options_.build_args, automatic_arguments(options_, target));
  GlobalScope defaults = globals_.without_build_args();
  bool defaults_hold = true;
  for (const parser::Arg* arg : table_.globals()) {
    at_range(arg->origin.range, [&] { globals_.declare(*arg, escape()); });
    try {
      if (defaults_hold) defaults.declare(*arg, escape());
    } catch (const parser::DockerfileError&) {  // a default that a build argument replaces: nothing to judge by
      defaults_hold = false;
    }
  }
  if (plan_.targets.empty()) lint_froms(table_, globals_, defaults_hold ? &defaults : nullptr, escape(), findings_);
  resolve_epoch();
  resolve_bases();
  links_ = read_stage_links(table_, [this](const StageText& stage, const std::string& name) {
    return find_context(options_.named_contexts, name, bases_[stage.index].platform).context != nullptr;
  });
}

// REPRO-01. From here on the variable is the resolved number, or was never given (ARG-16).
void PlanBuilder::resolve_epoch() {
  constexpr const char* kName = "SOURCE_DATE_EPOCH";
  const auto text = globals_.build_arg_or_default(kName);
  if (!text) return;
  std::optional<std::int64_t> epoch = parser::to_integer(*text);  // REPRO-02
  if (!epoch && !text->empty()) epoch = time_of(*text);
  plan_.source_date_epoch = epoch;
  globals_.settle(kName, epoch ? std::optional(std::to_string(*epoch)) : std::nullopt);
}

// REPRO-03: of what a SOURCE_DATE_EPOCH names that is no number. A local directory has no time.
std::optional<std::int64_t> PlanBuilder::time_of(const std::string& source) const {
  const auto named = find_context(options_.named_contexts, source, options_.target_platform);
  const bool main = source == "context";
  const bool has_none = main ? !options_.context_time_unknown
                             : named.context != nullptr && named.context->kind == NamedContext::Kind::directory;
  if (has_none) return main ? options_.context_time : std::nullopt;
  if (!main && named.context == nullptr && !table_.find(source, false)) {
    throw parser::DockerfileError(cat("invalid SOURCE_DATE_EPOCH: ", source));
  }
  throw parser::DockerfileError(cat("SOURCE_DATE_EPOCH from ", source, " is not supported yet"), {}, Errc::unsupported);
}

// A platform that was asked for is the image's; else it is the base's, or what `FROM --platform` brought (PLAT-06, 07).
void PlanBuilder::name_platform(oci::Platform& platform) const {
  const oci::Platform& target = options_.target_platform;
  if (options_.platform_given) {
    const bool same = platform.os == target.os && platform.architecture == target.architecture;
    platform.os = target.os;
    platform.architecture = target.architecture;
    if (!same || !target.variant.empty()) platform.variant = target.variant;
    if (!same || !target.os_version.empty()) platform.os_version = target.os_version;
  }
  platform = oci::normalize(platform);
}

// Of every stage: an unparsable base reference fails wherever it stands (FROM-09).
void PlanBuilder::resolve_bases() {
  bases_.clear();
  std::fill(uses_.begin(), uses_.end(), 0);
  for (const WantedTarget& target : targets_) ++uses_[target.stage];
  for (const auto& [name, context] : options_.named_contexts) {
    if (const auto stage = stage_of(context)) ++uses_[*stage];
  }
  for (const StageText& text : table_.stages()) {
    bases_.push_back(at_range(text.from->origin.range, [&] { return base_of(text); }));
    if (const auto stage = bases_.back().stage) ++uses_[*stage];
  }
}

StageBase PlanBuilder::base_of(const StageText& text) const {
  StageBase base{base_name(*text.from), stage_platform(*text.from), {}, {}};
  const FoundContext found = find_context(options_.named_contexts, text.name, base.platform);
  if (found.context != nullptr) {
    base.replaced = found;
  } else if (base.name != "scratch") {
    base.stage = table_.for_from(base.name, text.index);
    if (!base.stage) check_image_name(base.name);
  }
  return base;
}

std::string PlanBuilder::base_name(const parser::From& from) const {
  const std::string name = parser::expand_word(from.image, escape(), globals_.lookup());
  if (std::all_of(name.begin(), name.end(), [](char c) { return c == ' ' || c == '\t'; })) {
    throw parser::DockerfileError(cat("base name (", from.image, ") should not be blank"));  // FROM-15
  }
  return name;
}

oci::Platform PlanBuilder::stage_platform(const parser::From& from) const {
  if (!from.has_platform) return options_.target_platform;
  const std::string text = parser::expand_word(from.platform, escape(), globals_.lookup());
  try {
    if (text.empty()) throw Error(Errc::invalid, cat("empty platform value from expression ", from.platform));
    return oci::parse_platform(text);
  } catch (const Error& error) {  // FROM-16
    throw parser::DockerfileError(error.message() + suggestion_for(from.platform, escape(), globals_));
  }
}

const PlannedStage& PlanBuilder::stage(std::size_t index) {
  if (stages_[index]) return *stages_[index];
  const StageText& text = table_.stages()[index];
  if (in_progress_[index]) {
    throw parser::DockerfileError(cat("circular dependency detected on stage: ", text.shown()),
                                  {text.from->origin.range});
  }
  in_progress_[index] = true;
  PlannedStage begun = at_range(text.from->origin.range, [&] { return begin_stage(text); });
  if (const auto& replaced = bases_[index].replaced) {
    name_source(begun.result.rootfs, cat("[context ", *replaced->name, "] ", replaced->context->value), text.from->origin.range);
    begun.base_image.clear();
    stages_[index] = std::move(begun);
  } else {
    stages_[index] = StagePlanner(*this, text, std::move(begun)).finish();
  }
  in_progress_[index] = false;
  heard_[index] = true;
  return *stages_[index];
}

// The last that uses a stage takes it over and leaves its files: in a long chain, copies of all that labels and history
// grow to would take the square of its length.
PlannedStage PlanBuilder::take_stage(std::size_t index) {
  stage(index);
  PlannedStage& earlier = *stages_[index];
  if (--uses_[index] > 0) return earlier;
  const StepId rootfs = earlier.result.rootfs;
  PlannedStage taken = std::move(earlier);
  earlier = {};
  earlier.result.rootfs = rootfs;
  return taken;
}

PlannedStage PlanBuilder::begin_stage(const StageText& text) {
  const StageBase& base = bases_[text.index];
  if (base.replaced) return from_context(*base.replaced, text, base.platform);  // CTX-09
  if (base.name == "scratch") return from_scratch();                            // FROM-12
  if (base.stage) {
    if (outline_) outline_->need(text.index, *base.stage);
    // ONBUILD-03: triggers of the parent stage run in the child, which StagePlanner sees in the config.
    return take_stage(*base.stage);
  }
  const FoundContext found = find_context(options_.named_contexts, base.name, base.platform);
  return found.context != nullptr ? from_context(found, text, base.platform) : from_image(base.name, text, base.platform);
}

// Other than where it is used: whether or not there is one.
std::optional<std::size_t> PlanBuilder::stage_of(const NamedContext& context) const {
  if (context.kind != NamedContext::Kind::stage) return std::nullopt;
  const std::size_t count = table_.stages().size();
  return context.value.empty() ? count - 1 : table_.find(context.value, false);
}

StepId PlanBuilder::add(Step&& step) {
  plan_.steps.push_back(std::move(step));
  return plan_.steps.size() - 1;
}

void check_frontend(std::string syntax, const std::map<std::string, std::string>& build_args,
                    parser::SourceRange range) {
  if (const auto given = build_args.find("BUILDKIT_SYNTAX"); given != build_args.end()) {
    syntax = given->second.substr(0, given->second.find(' '));
  }
  if (syntax.empty() || syntax == "dockerfile.v0") return;
  const std::string name = oci::parse_reference(syntax).repository;
  if (name == "docker/dockerfile" || name == "docker/dockerfile-upstream") return;
  std::vector<parser::SourceRange> ranges;
  if (range.first_line > 0) ranges.push_back(range);
  throw parser::DockerfileError(cat("unsupported frontend ", syntax, ": cooper reads the Dockerfile language itself"),
                                ranges, Errc::unsupported);
}

Plan make_plan(const parser::Dockerfile& dockerfile, const PlanOptions& options, BaseResolver& resolver,
               parser::Findings& findings) {
  std::vector<oci::Platform> targets = options.platforms;
  if (targets.empty()) targets.push_back(options.target_platform);
  if (!wants_index(options.build_args, targets.size())) {
    return PlanBuilder(dockerfile, options, resolver, findings).build();
  }
  RememberingResolver remembered(resolver);
  PlanMerger merger;
  for (const oci::Platform& target : targets) {
    PlanOptions one = options;
    one.target_platform = target;
    one.platform_given = options.platform_given || !options.platforms.empty();
    one.show_platforms = true;
    findings.begin_another_plan();
    merger.add(target, PlanBuilder(dockerfile, one, remembered, findings).build());
  }
  return std::move(merger).take();
}

}  // namespace cooper::builder
