#include "cmd/answers.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cmd/progress_plain.h"
#include "cmd/sarif.h"
#include "cmd/text_table.h"
#include "oci/auth_config.h"
#include "parser/excerpt.h"

namespace cooper::cmd {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

// {"ranges": [{"start": {"line": 1}, "end": {"line": 2}}]}
Json location_json(const std::vector<parser::SourceRange>& ranges) {
  Json list = Json::array();
  for (const parser::SourceRange& range : ranges) {
    list.push_back({{"start", {{"line", range.first_line}}}, {"end", {{"line", range.last_line}}}});
  }
  return {{"ranges", std::move(list)}};
}

// As the field's tools give it: what is empty is left out.
void put(Json& json, const char* key, const std::string& value) {
  if (!value.empty()) json[key] = value;
}

Json sources_json(const AnswerSource& source) { return Json::array({oci::encode_base64(source.text)}); }

std::string check_json(const CheckAnswer& answer, const AnswerSource& source) {
  Json json;
  json["warnings"] = Json::array();
  for (const parser::Diagnostic& finding : answer.findings) {
    Json warning;
    warning["ruleName"] = finding.rule->name;
    warning["description"] = finding.rule->description;
    put(warning, "url", parser::url_of(*finding.rule));
    warning["detail"] = finding.message;
    warning["location"] = location_json(finding.ranges);
    json["warnings"].push_back(std::move(warning));
  }
  json["sources"] = Json::array(
      {{{"filename", source.name}, {"language", "Dockerfile"}, {"data", oci::encode_base64(source.text)}}});
  if (answer.error) {
    json["buildError"] = {{"message", answer.error->message}, {"location", location_json(answer.error->ranges)}};
  }
  return dump(json);
}

std::string check_text(const CheckAnswer& answer, const AnswerSource& source) {
  const std::size_t count = answer.findings.size();
  if (count == 0 && answer.error) return "";  // the error is told where errors are
  std::string text = cat("Check complete: ", count == 0 ? "no" : std::to_string(count), " warning",
                         count == 1 ? "" : "s", ".\n");
  const parser::SourceLines lines(source.text);
  for (const parser::Diagnostic& finding : answer.findings) {
    const std::string url = parser::url_of(*finding.rule);
    text += cat("\nWARNING: ", finding.rule->name, url.empty() ? "" : " - ", url, "\n", printable(finding.message), "\n",
                printable_lines(lines.excerpt(source.name, finding.ranges)));
  }
  return text;
}

Json ids_json(const std::vector<builder::Outline::Id>& ids) {
  Json list = Json::array();
  for (const builder::Outline::Id& id : ids) {
    Json entry{{"name", id.name}};
    if (id.required) entry["required"] = true;
    entry["location"] = location_json({id.range});
    list.push_back(std::move(entry));
  }
  return list;
}

std::string outline_json(const builder::Outline& outline, const AnswerSource& source) {
  Json json = Json::object();
  put(json, "name", outline.name);
  put(json, "description", outline.description);
  for (const builder::Outline::Argument& argument : outline.arguments) {
    Json entry{{"name", argument.name}};
    put(entry, "description", argument.description);
    put(entry, "value", argument.value);
    entry["location"] = location_json({argument.range});
    json["args"].push_back(std::move(entry));
  }
  if (!outline.secrets.empty()) json["secrets"] = ids_json(outline.secrets);
  if (!outline.ssh.empty()) json["ssh"] = ids_json(outline.ssh);
  json["sources"] = sources_json(source);
  return dump(json);
}

std::string ids_text(const char* heading, const std::vector<builder::Outline::Id>& ids) {
  if (ids.empty()) return "";
  TextTable table({heading, "REQUIRED"});
  for (const builder::Outline::Id& id : ids) table.add({id.name, id.required ? "true" : ""});
  return table.str() + "\n";
}

std::string outline_text(const builder::Outline& outline) {
  std::string text;
  if (!outline.name.empty() || !outline.description.empty()) {
    TextTable head({"TARGET:", outline.name.empty() ? "(default)" : outline.name});
    if (!outline.description.empty()) head.add({"DESCRIPTION:", outline.description});
    text += head.str() + "\n";
  }
  if (!outline.arguments.empty()) {
    TextTable table({"BUILD ARG", "VALUE", "DESCRIPTION"});
    for (const auto& argument : outline.arguments) table.add({argument.name, argument.value, argument.description});
    text += table.str() + "\n";
  }
  return text + ids_text("SECRET", outline.secrets) + ids_text("SSH", outline.ssh);
}

std::string targets_json(const std::vector<builder::Target>& targets, const AnswerSource& source) {
  Json json;
  json["targets"] = Json::array();
  for (const builder::Target& target : targets) {
    Json entry = Json::object();
    put(entry, "name", target.name);
    if (target.is_default) entry["default"] = true;
    put(entry, "description", target.description);
    put(entry, "base", target.base);
    put(entry, "platform", target.platform);
    entry["location"] = location_json({target.range});
    json["targets"].push_back(std::move(entry));
  }
  json["sources"] = sources_json(source);
  return dump(json);
}

std::string targets_text(const std::vector<builder::Target>& targets) {
  TextTable table({"TARGET", "DESCRIPTION"});
  for (const builder::Target& target : targets) {
    std::string name = target.name;
    if (target.is_default) name += name.empty() ? "(default)" : " (default)";
    table.add({name, target.description});
  }
  return table.str();
}

}  // namespace

std::string check_answer(const CheckAnswer& answer, const AnswerSource& source, Call::Format format) {
  if (format == Call::Format::sarif) return check_sarif(answer, source);
  return format == Call::Format::json ? check_json(answer, source) : check_text(answer, source);
}

std::string outline_answer(const builder::Outline& outline, const AnswerSource& source, Call::Format format) {
  return format == Call::Format::json ? outline_json(outline, source) : outline_text(outline);
}

std::string targets_answer(const std::vector<builder::Target>& targets, const AnswerSource& source,
                           Call::Format format) {
  return format == Call::Format::json ? targets_json(targets, source) : targets_text(targets);
}

}  // namespace cooper::cmd
