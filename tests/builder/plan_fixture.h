// Plans from Dockerfile text, with base images made up on the spot.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "builder/executor.h"
#include "builder/planner.h"
#include "parser/source.h"

namespace cooper::builder {

inline PlannedLayer made_up_layer(const std::string& seed) {
  PlannedLayer layer;
  layer.descriptor.media_type = oci::kLayerGzipType;
  layer.descriptor.digest = {oci::sha256("blob " + seed)};
  layer.descriptor.size_bytes = 10;
  layer.diff_id = {oci::sha256("diff " + seed)};
  return layer;
}

// One layer, PATH and A in its Env, a CMD, two history entries.
inline ResolvedBase made_up_base(const std::string& name) {
  ResolvedBase base;
  base.resolved = "docker.io/library/" + name + "@" + oci::sha256(name).str();
  base.layers = {made_up_layer(name)};
  base.config.platform = {"linux", "amd64", "", ""};
  base.config.env = {"PATH=/bin", "A=base"};
  base.config.cmd = {"sh"};
  base.config.created = "2020-01-01T00:00:00Z";
  base.config.diff_ids = {base.layers[0].diff_id};
  base.config.history = {{"2020-01-01T00:00:00Z", "base files", "", "", false},
                         {"2020-01-02T00:00:00Z", "CMD [\"sh\"]", "", "", true}};
  return base;
}

class FakeResolver : public BaseResolver {
 public:
  FakeResolver() { images["busybox"] = made_up_base("busybox"); }
  ResolvedBase resolve(const std::string& reference, const oci::Platform& platform) override {
    asked.push_back(reference + " " + platform.str());
    const auto found = images.find(reference);
    if (found == images.end()) throw Error(Errc::not_found, reference + ": no such image");
    return found->second;
  }

  std::map<std::string, ResolvedBase> images;
  std::vector<std::string> asked;
};

inline PlanOptions amd64_options() {
  PlanOptions options;
  options.build_platform = {"linux", "amd64", "", ""};
  options.target_platform = {"linux", "amd64", "", ""};
  return options;
}

inline PlanOptions with_args(std::map<std::string, std::string> build_args) {
  PlanOptions options = amd64_options();
  options.build_args = std::move(build_args);
  return options;
}

inline Plan plan_of(const std::string& text, const PlanOptions& options, FakeResolver& resolver) {
  parser::Findings unheard;
  return make_plan(parser::parse_dockerfile("Dockerfile", text), options, resolver, unheard);
}

inline Plan plan_of(const std::string& text, const PlanOptions& options = amd64_options()) {
  FakeResolver resolver;
  return plan_of(text, options, resolver);
}

// "Rule: message (line N)" for each finding of a build.
inline std::vector<std::string> findings_of(const std::string& text, const PlanOptions& options,
                                            FakeResolver& resolver) {
  const parser::Dockerfile dockerfile = parser::parse_dockerfile("Dockerfile", text);
  parser::Findings findings(parser::check_of_file(dockerfile.directives, nullptr));
  make_plan(dockerfile, options, resolver, findings);
  std::vector<std::string> texts;
  for (const parser::Diagnostic& finding : findings.sorted()) texts.push_back(parser::short_text(finding));
  return texts;
}

inline std::vector<std::string> findings_of(const std::string& text, const PlanOptions& options = amd64_options()) {
  FakeResolver resolver;
  return findings_of(text, options, resolver);
}

struct PlanFailure {
  std::string message;
  std::vector<parser::SourceRange> ranges;
  std::optional<Errc> code;  // nullopt: the plan was made
};

inline PlanFailure failure_of(const std::string& text, const PlanOptions& options,
                              FakeResolver& resolver) {
  try {
    plan_of(text, options, resolver);
  } catch (const parser::DockerfileError& error) {
    return {error.what(), error.ranges(), error.code()};
  }
  return {"planned without an error", {}, std::nullopt};
}

inline PlanFailure failure_of(const std::string& text,
                              const PlanOptions& options = amd64_options()) {
  FakeResolver resolver;
  return failure_of(text, options, resolver);
}

template <class Kind>
std::vector<Kind> steps_of(const Plan& plan) {
  std::vector<Kind> found;
  for (const Step& step : plan.steps) {
    if (const auto* operation = std::get_if<Kind>(&step.operation)) found.push_back(*operation);
  }
  return found;
}

// created_by of the entries that this build adds.
inline std::vector<std::string> new_history(const Plan& plan) {
  std::vector<std::string> texts;
  for (const PlannedHistory& planned : plan.result().history) {
    texts.push_back(planned.created_by);
  }
  return texts;
}

inline std::vector<std::string> displays(const Plan& plan) {
  std::vector<std::string> texts;
  for (const Step& step : plan.steps) texts.push_back(step.display);
  return texts;
}

using Words = std::vector<std::string>;

// Named contexts that are directories, each called as it is named.
inline NamedContexts directories(const Words& names) {
  NamedContexts contexts;
  for (const std::string& name : names) contexts[name] = {NamedContext::Kind::directory, name, std::nullopt};
  return contexts;
}

#define EXPECT_HAS(text, part)                               \
  EXPECT_NE(std::string(text).find(part), std::string::npos) \
      << "in " << std::string(text) << "\nexpected " << (part)

}  // namespace cooper::builder
