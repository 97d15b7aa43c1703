#include "builder/planner.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"
#include "builder/merge_plans.h"
#include "builder/plan_builder.h"
#include "builder/stage_links.h"
#include "builder/stage_planner.h"
#include "oci/reference.h"
#include "parser/suggest.h"

namespace cooper::builder {
namespace {

// PLAT-01. TARGETVARIANT and the like are set even when empty (PLAT-04).
std::vector<std::pair<std::string, std::string>> automatic_arguments(const PlanOptions& options,
                                                                     const StageTable& table) {
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
  static_cast<void>(table.target(options.target));  // a target that is not there fails before anything else
  const std::string target = options.target.empty() ? table.stages().back().name : options.target;
  list.emplace_back("TARGETSTAGE", target.empty() ? "default" : target);
  return list;
}

// REPRO-02. nullopt: no number.
std::optional<std::int64_t> read_epoch(const std::string& text) {
  const char* const end = text.data() + text.size();
  std::int64_t value = 0;
  const auto [stopped, failure] = std::from_chars(text.data() + (text.starts_with('+') ? 1 : 0), end, value);
  if (failure != std::errc() || stopped != end) return std::nullopt;
  return value;
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

// FROM-18: a stage or a popular image that is spelled nearly like this.
std::string suggestion_for_base(const std::string& name, const StageTable& table) {
  static constexpr std::array<const char*, 7> kPopular = {"alpine", "busybox", "centos", "debian",
                                                          "golang", "ubuntu",  "fedora"};
  std::vector<std::string> names;
  for (const StageText& stage : table.stages()) {
    if (!stage.name.empty()) names.push_back(stage.name);
  }
  for (const std::string popular : kPopular) names.insert(names.end(), {popular, popular + ":latest"});
  return parser::did_you_mean(parser::find_suggestion(name, names));
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
                         BaseResolver& resolver)
    : dockerfile_(dockerfile),
      options_(options),
      resolver_(resolver),
      table_(dockerfile),
      globals_(options.build_args, automatic_arguments(options, table_)),
      stages_(table_.stages().size()),
      in_progress_(table_.stages().size(), false) {}

Plan PlanBuilder::build() {
  check_frontend(dockerfile_.directives.syntax, options_.build_args, dockerfile_.directives.syntax_range);
  for (const parser::Arg* arg : table_.globals()) {
    at_range(arg->origin.range, [&] { globals_.declare(*arg, escape()); });
  }
  resolve_epoch();
  check_every_base();
  check_stage_links(table_, [this](const StageText& stage, const std::string& name) { return is_context(stage, name); });
  const std::size_t target = table_.target(options_.target);
  const PlannedStage& final_stage = stage(target);
  plan_.target = table_.stages()[target].shown();
  plan_.result = final_stage.result;
  for (const auto& [key, value] : options_.labels) plan_.result.config.labels[key] = value;
  name_platform(plan_.result.config.platform);
  for (const parser::Diagnostic& finding : dockerfile_.warnings) {
    plan_.warnings.push_back({finding.rule, finding.message, finding.ranges});
  }
  return std::move(plan_);
}

// REPRO-01. From here on the variable is the resolved number, or was never given (ARG-16).
void PlanBuilder::resolve_epoch() {
  constexpr const char* kName = "SOURCE_DATE_EPOCH";
  const auto text = globals_.build_arg_or_default(kName);
  if (!text) return;
  std::optional<std::int64_t> epoch = read_epoch(*text);
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

bool PlanBuilder::is_context(const StageText& stage, const std::string& name) const {
  return find_context(options_.named_contexts, name, stage_platform(*stage.from)).context != nullptr;
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

// FROM-09: an unparsable base reference fails wherever it stands.
void PlanBuilder::check_every_base() const {
  for (const StageText& text : table_.stages()) {
    at_range(text.from->origin.range, [&] {
      const std::string name = base_name(*text.from);
      if (overriding(text)) return;
      if (name == "scratch" || table_.for_from(name, text.index)) return;
      try {
        static_cast<void>(oci::parse_reference(name));
      } catch (const Error& error) {
        throw parser::DockerfileError(cat("failed to parse stage name \"", name, "\": ", error.message()));
      }
    });
  }
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
  const std::string hint = suggestion_for(from.platform, escape(), globals_);
  if (text.empty()) {
    throw parser::DockerfileError(cat("empty platform value from expression ", from.platform, hint));  // FROM-16
  }
  try {
    return oci::parse_platform(text);
  } catch (const Error& error) {
    throw parser::DockerfileError(cat(error.message(), hint));
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
  stages_[index] = overriding(text) ? std::move(begun) : StagePlanner(*this, text, std::move(begun)).finish();
  in_progress_[index] = false;
  return *stages_[index];
}

PlannedStage PlanBuilder::begin_stage(const StageText& text) {
  const std::string name = base_name(*text.from);
  const oci::Platform platform = stage_platform(*text.from);
  if (const auto found = overriding(text)) return from_context(*found, text, platform);  // CTX-09
  if (name == "scratch") return from_scratch();                                           // FROM-12
  if (const auto earlier = table_.for_from(name, text.index)) {
    PlannedStage begun = stage(*earlier);
    // ONBUILD-03: triggers of the parent stage run in the child, which StagePlanner sees in the config.
    return begun;
  }
  if (const auto found = find_context(options_.named_contexts, name, platform); found.context != nullptr) {
    return from_context(found, text, platform);
  }
  return from_image(name, text, platform);
}

std::optional<FoundContext> PlanBuilder::overriding(const StageText& text) const {
  const auto found = find_context(options_.named_contexts, text.name, stage_platform(*text.from));
  if (found.context == nullptr) return std::nullopt;
  return found;
}

PlannedStage PlanBuilder::from_context(const FoundContext& found, const StageText& text,
                                       const oci::Platform& platform) {
  const NamedContext& context = *found.context;
  switch (context.kind) {
    case NamedContext::Kind::image:
      return context.value == "scratch" ? from_scratch() : from_image(context.value, text, platform);  // CTX-12, CTX-13
    case NamedContext::Kind::stage: return stage(table_.target(context.value));
    case NamedContext::Kind::directory:
    case NamedContext::Kind::remote: break;
  }
  return from_files(files_of_context(found, platform, text.from->origin.range), *found.name, text);
}

// Files without a config, as one layer of their own.
PlannedStage PlanBuilder::from_files(StepId files, const std::string& name, const StageText& text) {
  PlannedStage begun = from_scratch();
  CopyStep copy;
  copy.parent = begun.result.rootfs;
  copy.sources.push_back({files, {"/"}, false, true});
  copy.destination = "/";
  Step step{std::move(copy), "FROM " + name, text.shown(), text.from->origin.range, options_.no_cache};
  begun.result.rootfs = add(std::move(step));
  oci::HistoryEntry entry;
  entry.created_by = "FROM " + name;
  begun.result.history.push_back({std::move(entry), begun.result.rootfs, false});
  return begun;
}

StepId PlanBuilder::files_of_context(const FoundContext& found, const oci::Platform& platform,
                                     parser::SourceRange range) {
  const NamedContext& context = *found.context;
  switch (context.kind) {
    case NamedContext::Kind::directory: return this->context(*found.name);
    case NamedContext::Kind::remote: return fetched(*context.remote, range);
    case NamedContext::Kind::stage: return stage(table_.target(context.value)).result.rootfs;
    case NamedContext::Kind::image: break;
  }
  if (context.value == "scratch") return from_scratch().result.rootfs;
  return image(context.value, platform, cat("[context ", *found.name, "] ", context.value), range).first;
}

PlannedStage PlanBuilder::from_scratch() {
  PlannedStage begun;
  Step step{SourceStep{}, "FROM scratch", "", {}, false};
  begun.result.rootfs = add(std::move(step));
  begun.result.config.env = {kDefaultPath};
  begun.result.config.working_dir = std::string(1, '/');  // "=" alone trips a false warning of GCC 12
  begun.result.config.platform = options_.target_platform;
  begun.platform = options_.target_platform;
  begun.scope.set_env("PATH", std::string(kDefaultPath).substr(5));
  return begun;
}

PlannedStage PlanBuilder::from_image(const std::string& name, const StageText& text,
                                     const oci::Platform& platform) {
  const auto& [step, base] = image(name, platform, "FROM " + name, text.from->origin.range);
  PlannedStage begun;
  begun.platform = platform;
  begun.result.rootfs = step;
  begun.result.config = base.config;
  oci::ImageConfig& config = begun.result.config;
  config.diff_ids.clear();
  config.created.clear();  // FROM-19
  config.history.clear();
  for (const oci::HistoryEntry& entry : base.config.history) {
    begun.result.history.push_back({entry, std::nullopt, true});
  }
  if (config.platform.os.empty()) config.platform = platform;
  if (!config.working_dir.empty()) config.working_dir = TreePath::clean(config.working_dir).absolute();
  EnvironmentList env(config.env);
  if (!env.get("PATH")) config.env.emplace_back(kDefaultPath);  // IMG-07
  for (const auto& word : config.env) {
    const std::size_t equals = word.find('=');
    begun.scope.set_env(word.substr(0, equals), equals == std::string::npos ? "" : word.substr(equals + 1));
  }
  if (config.platform.os != platform.os || config.platform.architecture != platform.architecture) {
    plan_.warnings.push_back({"InvalidBaseImagePlatform",
                              cat("Base image ", name, " was pulled with platform \"", config.platform.str(),
                                  "\", expected \"", platform.str(), "\" for current build"),
                              {text.from->origin.range}});
  }
  return begun;
}

std::pair<StepId, ResolvedBase> PlanBuilder::image(const std::string& reference,
                                                   const oci::Platform& platform,
                                                   const std::string& display, parser::SourceRange range) {
  const std::pair key(reference, platform);
  if (const auto known = images_.find(key); known != images_.end()) return known->second;
  ResolvedBase base = resolve(reference, platform);
  SourceStep source{SourceStep::Kind::image, reference, base.resolved, base.layers};
  Step step{std::move(source), display, "", range, false};
  const StepId id = add(std::move(step));
  return images_.emplace(key, std::pair(id, std::move(base))).first->second;
}

ResolvedBase PlanBuilder::resolve(const std::string& reference, const oci::Platform& platform) {
  try {
    return resolver_.resolve(reference, platform);
  } catch (const Error& error) {
    const std::string hint = suggestion_for_base(reference, table_);
    if (error.code() == Errc::cancelled || hint.empty()) throw;
    throw Error(error.code(), cat(error.what(), hint));
  }
}

StepId PlanBuilder::context(const std::string& name) {
  const auto known = contexts_.find(name);
  if (known != contexts_.end()) return known->second;
  SourceStep source{SourceStep::Kind::local_context, name, "", {}};
  if (name.empty() && options_.main_context) source = *options_.main_context;
  Step step{std::move(source), name.empty() ? "load build context" : "load context " + name, "", {}, false};
  return contexts_[name] = add(std::move(step));
}

StepId PlanBuilder::fetched(const RemoteSource& source, parser::SourceRange range) {
  for (const auto& [known, step] : fetched_) {
    if (known == source) return step;
  }
  SourceStep step{SourceStep::Kind::fetched, shown(source), "", {}, source};
  const StepId id = add({std::move(step), "load " + shown(source), "", range, false});
  fetched_.emplace_back(source, id);
  return id;
}

StepId PlanBuilder::files_of(const std::string& from, std::size_t current, bool numbers, const char* verb,
                             const oci::Platform& platform) {
  const parser::SourceRange range = table_.stages()[current].from->origin.range;
  if (const auto index = table_.for_copy(from, current, numbers, verb)) return stage(*index).result.rootfs;
  if (const auto found = find_context(options_.named_contexts, from, platform); found.context != nullptr) {
    return files_of_context(found, platform, range);
  }
  if (from == "scratch") return from_scratch().result.rootfs;
  return image(from, platform, "FROM " + from, range).first;
}

StepId PlanBuilder::add(Step step) {
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

Plan make_plan(const parser::Dockerfile& dockerfile, const PlanOptions& options, BaseResolver& resolver) {
  std::vector<oci::Platform> targets = options.platforms;
  if (targets.empty()) targets.push_back(options.target_platform);
  if (!wants_index(options.build_args, targets.size())) return PlanBuilder(dockerfile, options, resolver).build();
  RememberingResolver remembered(resolver);
  PlanMerger merger;
  for (const oci::Platform& target : targets) {
    PlanOptions one = options;
    one.target_platform = target;
    one.platform_given = options.platform_given || !options.platforms.empty();
    one.show_platforms = true;
    merger.add(target, PlanBuilder(dockerfile, one, remembered).build());
  }
  return std::move(merger).take();
}

}  // namespace cooper::builder
