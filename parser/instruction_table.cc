// The language as data: one row per keyword.
#include <array>

#include "parser/makers.h"
#include "parser/statement.h"
#include "parser/suggest.h"
#include "parser/text.h"

namespace cooper::parser {
namespace {

using enum FlagKind;

constexpr std::array<FlagSpec, 1> kFromFlags = {{{"platform", value}}};
constexpr std::array<FlagSpec, 4> kRunFlags = {
    {{"mount", list}, {"network", value}, {"security", value}, {"device", list}}};
constexpr std::array<FlagSpec, 6> kCopyFlags = {{{"from", value},
                                                 {"chown", value},
                                                 {"chmod", value},
                                                 {"link", boolean},
                                                 {"parents", boolean},
                                                 {"exclude", list}}};
constexpr std::array<FlagSpec, 7> kAddFlags = {{{"chown", value},
                                                {"chmod", value},
                                                {"link", boolean},
                                                {"keep-git-dir", boolean},
                                                {"checksum", value},
                                                {"unpack", boolean},
                                                {"exclude", list}}};
constexpr std::array<FlagSpec, 5> kHealthFlags = {{{"interval", value},
                                                   {"timeout", value},
                                                   {"start-period", value},
                                                   {"start-interval", value},
                                                   {"retries", value}}};
constexpr std::span<const FlagSpec> kNoFlags;

using enum ArgumentForm;
using enum FlagUse;

constexpr std::array<InstructionRule, 18> kInstructions = {{
    {"ADD", json_or_list, Heredocs::yes, checked, kAddFlags, make_add},
    {"ARG", quoted_words, Heredocs::no, ignored, kNoFlags, make_arg},
    {"CMD", json_or_line, Heredocs::no, checked, kNoFlags, make_cmd},
    {"COPY", json_or_list, Heredocs::yes, checked, kCopyFlags, make_copy},
    {"ENTRYPOINT", json_or_line, Heredocs::no, checked, kNoFlags, make_entrypoint},
    {"ENV", pairs, Heredocs::no, checked, kNoFlags, make_env},
    {"EXPOSE", blanks, Heredocs::no, checked, kNoFlags, make_expose},
    {"FROM", blanks, Heredocs::no, checked, kFromFlags, make_from},
    {"HEALTHCHECK", health, Heredocs::no, unless_none, kHealthFlags, make_healthcheck},
    {"LABEL", pairs, Heredocs::no, checked, kNoFlags, make_label},
    {"MAINTAINER", one_line, Heredocs::no, checked, kNoFlags, make_maintainer},
    {"ONBUILD", trigger, Heredocs::of_trigger, checked, kNoFlags, make_onbuild},
    {"RUN", json_or_line, Heredocs::yes, checked, kRunFlags, make_run},
    {"SHELL", json_or_line, Heredocs::no, checked, kNoFlags, make_shell},
    {"STOPSIGNAL", one_line, Heredocs::no, ignored, kNoFlags, make_stopsignal},
    {"USER", one_line, Heredocs::no, checked, kNoFlags, make_user},
    {"VOLUME", json_or_list, Heredocs::no, checked, kNoFlags, make_volume},
    {"WORKDIR", one_line, Heredocs::no, checked, kNoFlags, make_workdir},
}};

}  // namespace

const InstructionRule* find_rule(std::string_view keyword) {
  for (const InstructionRule& rule : kInstructions) {
    if (rule.keyword.size() == keyword.size() && rule.keyword == to_upper(keyword)) return &rule;
  }
  return nullptr;
}

void fail_unknown(std::string_view keyword) {
  std::vector<std::string_view> keywords;
  for (const InstructionRule& rule : kInstructions) keywords.push_back(rule.keyword);
  const auto suggestion = find_suggestion(keyword, keywords, Case::ignored);
  throw DockerfileError(cat("unknown instruction: ", keyword, did_you_mean(suggestion)));
}

}  // namespace cooper::parser
