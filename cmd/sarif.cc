#include "cmd/sarif.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace cooper::cmd {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kBuildError = "BuildError";  // what no rule is about

// RFC 3986: scanners match it with the paths of the repository, so that a relative path stays one.
std::string uri_of(const AnswerSource& source) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  const std::string path =
      std::filesystem::path(source.path.empty() ? source.name : source.path).lexically_normal().generic_string();
  std::string uri = path.starts_with('/') ? "file://" : "";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    if (plain) {
      uri += c;
    } else {
      uri += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return uri;
}

Json rule_json(std::string_view id, std::string_view description, const std::string& url, const char* level) {
  Json rule{{"id", id},
            {"name", id},
            {"shortDescription", {{"text", description}}},
            {"defaultConfiguration", {{"level", level}}}};
  if (!url.empty()) rule["helpUri"] = url;
  return rule;
}

class Run {
 public:
  explicit Run(const AnswerSource& source) : uri_(uri_of(source)) {}

  void add(Json rule, const std::string& message, const std::vector<parser::SourceRange>& ranges, const char* level) {
    const auto known = std::find_if(rules_.begin(), rules_.end(),
                                    [&](const Json& each) { return each["id"] == rule["id"]; });
    const auto index = known - rules_.begin();
    Json result{{"ruleId", rule["id"]}, {"ruleIndex", index}, {"level", level}, {"message", {{"text", message}}}};
    if (known == rules_.end()) rules_.push_back(std::move(rule));
    result["locations"] = Json::array();
    for (const parser::SourceRange& range : ranges) {
      if (range.first_line < 1) continue;
      result["locations"].push_back(
          {{"physicalLocation",
            {{"artifactLocation", {{"uri", uri_}}},
             {"region", {{"startLine", range.first_line}, {"endLine", std::max(range.first_line, range.last_line)}}}}}});
    }
    if (result["locations"].empty()) {  // about the whole file
      result["locations"].push_back({{"physicalLocation", {{"artifactLocation", {{"uri", uri_}}}}}});
    }
    results_.push_back(std::move(result));
  }

  Json finish() && {
    Json run;
    run["tool"] = {{"driver", {{"name", "cooper"}, {"version", COOPER_VERSION}, {"rules", std::move(rules_)}}}};
    run["artifacts"] = Json::array({{{"location", {{"uri", uri_}}}}});
    run["results"] = std::move(results_);
    return run;
  }

 private:
  std::string uri_;
  Json rules_ = Json::array();
  Json results_ = Json::array();
};

}  // namespace

std::string check_sarif(const CheckAnswer& answer, const AnswerSource& source) {
  Run run(source);
  const char* level = answer.findings_are_errors ? "error" : "warning";
  for (const parser::Diagnostic& finding : answer.findings) {
    const parser::Rule& rule = *finding.rule;
    run.add(rule_json(rule.name, rule.description, parser::url_of(rule), level), finding.message, finding.ranges,
            level);
  }
  if (answer.error) {
    run.add(rule_json(kBuildError, "The Dockerfile can be built", "", "error"), answer.error->message,
            answer.error->ranges, "error");
  }
  Json json;
  json["$schema"] = "https://json.schemastore.org/sarif-2.1.0.json";
  json["version"] = "2.1.0";
  json["runs"] = Json::array({std::move(run).finish()});
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace cooper::cmd
