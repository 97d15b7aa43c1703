// Where a stage's first files, and those of --from, come from: images, named contexts, the build context, other stages.
#include <array>

#include "base/error.h"
#include "builder/plan_builder.h"
#include "parser/suggest.h"

namespace cooper::builder {
namespace {

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

}  // namespace

PlannedStage PlanBuilder::from_context(const FoundContext& found, const StageText& text,
                                       const oci::Platform& platform) {
  const NamedContext& context = *found.context;
  switch (context.kind) {
    case NamedContext::Kind::image:
      return context.value == "scratch" ? from_scratch() : from_image(context.value, text, platform);  // CTX-12, CTX-13
    case NamedContext::Kind::stage: {
      const std::size_t other = table_.target(context.value);
      if (outline_) outline_->need(text.index, other);
      return stage(other);
    }
    case NamedContext::Kind::directory:
    case NamedContext::Kind::remote: break;
  }
  return from_files(files_of_context(found, platform, text), *found.name, text);
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
  begun.result.history.push_back({"FROM " + name, begun.result.rootfs, false});
  return begun;
}

StepId PlanBuilder::files_of_context(const FoundContext& found, const oci::Platform& platform, const StageText& user) {
  const NamedContext& context = *found.context;
  const parser::SourceRange range = user.from->origin.range;
  switch (context.kind) {
    case NamedContext::Kind::directory: return this->context(*found.name);
    case NamedContext::Kind::remote: return fetched(*context.remote, range);
    case NamedContext::Kind::stage: {
      const std::size_t other = table_.target(context.value);
      if (outline_) outline_->need(user.index, other);
      return stage(other).result.rootfs;
    }
    case NamedContext::Kind::image: break;
  }
  if (context.value == "scratch") return from_scratch().result.rootfs;
  const StepId step = image(context.value, platform).first;
  name_source(step, cat("[context ", *found.name, "] ", context.value), range);
  return step;
}

PlannedStage PlanBuilder::from_scratch() {
  PlannedStage begun;
  Step step{SourceStep{}, "FROM scratch", "", {}, false};
  begun.result.rootfs = add(std::move(step));
  begun.result.config.env = {kDefaultPath};
  begun.result.config.working_dir = std::string(1, '/');  // "=" alone trips a false warning of GCC 12
  begun.image_env = EnvironmentList(begun.result.config.env);
  begun.result.config.platform = options_.target_platform;
  begun.platform = options_.target_platform;
  begun.scope.set_env("PATH", std::string(kDefaultPath).substr(5));
  return begun;
}

PlannedStage PlanBuilder::from_image(const std::string& name, const StageText& text,
                                     const oci::Platform& platform) {
  const auto& [step, base] = image(name, platform);
  PlannedStage begun;
  begun.base_known = base.known;
  begun.base_image = base.resolved;
  begun.platform = platform;
  begun.result.rootfs = step;
  begun.result.config = base.config;
  oci::ImageConfig& config = begun.result.config;
  config.diff_ids.clear();
  config.created.clear();  // FROM-19
  if (config.platform.os.empty()) config.platform = platform;
  if (!config.working_dir.empty()) config.working_dir = TreePath::clean(config.working_dir).absolute();
  begun.image_env = EnvironmentList(config.env);
  if (!begun.image_env.get("PATH")) {  // IMG-07
    config.env.emplace_back(kDefaultPath);
    begun.image_env = EnvironmentList(config.env);
  }
  for (const auto& word : config.env) {
    const std::size_t equals = word.find('=');
    begun.scope.set_env(word.substr(0, equals), equals == std::string::npos ? "" : word.substr(equals + 1));
  }
  if (config.platform.os != platform.os || config.platform.architecture != platform.architecture) {
    findings(text.index).report(parser::rules::kInvalidBaseImagePlatform, text.from->origin,
                                {name, config.platform.str(), platform.str()});
  }
  return begun;
}

std::pair<StepId, ResolvedBase> PlanBuilder::image(const std::string& reference, const oci::Platform& platform) {
  const std::pair key(reference, platform);
  if (const auto known = images_.find(key); known != images_.end()) return known->second;
  ResolvedBase base = resolve(reference, platform);
  SourceStep source{SourceStep::Kind::image, reference, base.resolved, base.layers};
  const StepId id = add({std::move(source), "", "", {}, false});
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

void PlanBuilder::name_source(StepId source, const std::string& display, parser::SourceRange range) {
  Step& step = plan_.steps[source];
  if (!step.display.empty()) return;
  step.display = display;
  step.range = range;
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
  if (const auto index = table_.for_copy(from, current, numbers, verb)) {
    if (outline_) outline_->need(current, *index);
    return stage(*index).result.rootfs;
  }
  if (const auto found = find_context(options_.named_contexts, from, platform); found.context != nullptr) {
    return files_of_context(found, platform, table_.stages()[current]);
  }
  if (from == "scratch") return from_scratch().result.rootfs;
  const auto& [step, base] = image(from, platform);
  name_source(step, "FROM " + base.resolved, range);
  return step;
}

}  // namespace cooper::builder
