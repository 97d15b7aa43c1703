#include "parser/makers.h"
#include "parser/text.h"

namespace cooper::parser {
namespace {

// FROM-02.
bool is_stage_name(std::string_view name) {
  if (name.empty() || name.front() < 'a' || name.front() > 'z') return false;
  for (const char c : name) {
    const bool letter = c >= 'a' && c <= 'z';
    if (!letter && !is_digit(c) && c != '-' && c != '_' && c != '.') return false;
  }
  return true;
}

std::vector<KeyValue> key_values(Statement& statement) {
  std::vector<std::string>& words = statement.words;
  const auto name = [&statement] { return to_upper(statement.origin.keyword()); };
  if (words.empty()) throw DockerfileError(name() + " requires at least one argument");
  std::vector<KeyValue> entries;
  entries.reserve(words.size() / 2);
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    if (words[i].empty()) throw DockerfileError(name() + " names can not be blank");
    entries.push_back({std::move(words[i]), std::move(words[i + 1])});
  }
  return entries;
}

}  // namespace

Instruction make_from(Statement&& statement) {
  From from;
  const std::vector<std::string>& words = statement.words;
  if (words.size() == 3 && to_lower(words[1]) == "as") {
    from.as_written = words[1];
    from.stage_written = words[2];
    from.stage = to_lower(words[2]);
    if (!is_stage_name(from.stage)) {
      throw DockerfileError(cat("invalid name for build stage: ", quoted(words[2]),
                                ", name can't start with a number or contain symbols"));
    }
  } else if (words.size() != 1) {
    throw DockerfileError("FROM requires either one or three arguments");
  }
  from.image = words[0];
  const auto platform = statement.flags.value("platform");
  from.has_platform = platform.has_value();
  from.platform = platform.value_or("");
  from.origin = std::move(statement.origin);
  return from;
}

Instruction make_arg(Statement&& statement) {
  Arg arg;
  if (statement.words.empty()) throw DockerfileError("ARG requires at least one argument");
  for (const std::string& word : statement.words) {
    const Cut pair = cut(word, '=');
    if (pair.before.empty()) throw DockerfileError("ARG names can not be blank");
    Arg::Entry entry{std::string(pair.before), std::nullopt};
    if (pair.found) entry.value = std::string(pair.after);
    arg.entries.push_back(std::move(entry));
  }
  arg.origin = std::move(statement.origin);
  return arg;
}

Instruction make_env(Statement&& statement) {
  Env env;
  env.entries = key_values(statement);
  env.legacy = statement.legacy_pair;
  env.origin = std::move(statement.origin);
  return env;
}

Instruction make_label(Statement&& statement) {
  Label label;
  label.entries = key_values(statement);
  label.legacy = statement.legacy_pair;
  label.origin = std::move(statement.origin);
  return label;
}

}  // namespace cooper::parser
