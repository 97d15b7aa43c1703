#include "parser/findings.h"

#include <algorithm>
#include <set>

#include "parser/suggest.h"
#include "parser/text.h"

namespace cooper::parser {
namespace {

constexpr std::string_view kPages = "https://docs.docker.com/go/dockerfile/rule/";

bool is_upper_letter(char c) {
  return c >= 'A' && c <= 'Z';
}

// JSONArgsRecommended -> json-args-recommended: a word begins where a lower-case letter follows an upper-case one, or
// an upper-case letter follows a lower-case one.
std::string with_dashes(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool upper = is_upper_letter(name[i]);
    const bool after_lower = i > 0 && !is_upper_letter(name[i - 1]);
    const bool before_lower = i + 1 < name.size() && !is_upper_letter(name[i + 1]);
    if (i > 0 && upper && (after_lower || before_lower)) out += '-';
    out += upper ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
  }
  return out;
}

std::string fill(std::string_view pattern, std::initializer_list<std::string_view> parts) {
  std::string out;
  auto part = parts.begin();
  for (std::size_t at = pattern.find("{}"); at != std::string_view::npos; at = pattern.find("{}")) {
    out += pattern.substr(0, at);
    if (part != parts.end()) out += *part++;
    pattern.remove_prefix(at + 2);
  }
  return out.append(pattern);
}

int line_of(const Diagnostic& finding) {
  return finding.ranges.empty() ? 0 : finding.ranges.front().first_line;
}

}  // namespace

std::string url_of(const Rule& rule) {
  return rule.has_page ? cat(kPages, with_dashes(rule.name), "/") : "";
}

std::string short_text(const Diagnostic& finding) {
  const int line = line_of(finding);
  return cat(finding.rule->name, ": ", finding.message, line > 0 ? cat(" (line ", line, ")") : "");
}

void Findings::report(const Rule& rule, const Origin& origin, std::initializer_list<std::string_view> parts,
                      const std::optional<std::string>& suggestion) {
  report_at(origin.range, rule, origin, parts, suggestion);
}

void Findings::report_at(SourceRange range, const Rule& rule, const Origin& origin,
                         std::initializer_list<std::string_view> parts, const std::optional<std::string>& suggestion) {
  if (!hears(rule, origin)) return;
  std::string message = fill(rule.message, parts) + did_you_mean(suggestion);
  if (!told_.empty() && told_.contains({range.first_line, rule.name, message})) return;
  found_.push_back({&rule, std::move(message), {range}});
}

bool Findings::hears(const Rule& rule, const Origin& origin) const {
  if (origin.comments.empty()) return allows(options_, rule);
  return allows(with_comments(options_, origin.comments), rule);
}

void Findings::begin_another_plan() {
  for (const Diagnostic& finding : found_) told_.emplace(line_of(finding), finding.rule->name, finding.message);
}

std::string Findings::failure() const {
  std::set<std::string_view> names;
  for (const Diagnostic& finding : found_) names.insert(finding.rule->name);
  std::string list;
  for (const std::string_view name : names) list.append(list.empty() ? "" : ", ").append(name);
  return "lint violation found for rules: " + list;
}

std::vector<Diagnostic> Findings::sorted() const {
  std::vector<Diagnostic> list = found_;
  std::stable_sort(list.begin(), list.end(), [](const Diagnostic& left, const Diagnostic& right) {
    return line_of(left) < line_of(right);
  });
  return list;
}

}  // namespace cooper::parser
