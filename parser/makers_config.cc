#include <algorithm>
#include <limits>

#include "parser/duration.h"
#include "parser/heredocs.h"
#include "parser/makers.h"
#include "parser/text.h"

namespace cooper::parser {
namespace {

std::string only_word(Statement& statement, std::string_view name) {
  if (statement.words.empty())
    throw DockerfileError(cat(name, " requires exactly one argument"));
  return std::move(statement.words.front());
}

void need_words(const Statement& statement, std::string_view name) {
  if (statement.words.empty())
    throw DockerfileError(cat(name, " requires at least one argument"));
}

// HEALTH-03, HEALTH-04: zero is the same as absent.
std::optional<std::int64_t> read_interval(const Flags& flags, std::string_view name) {
  constexpr std::int64_t kSmallest = 1'000'000;
  const std::string text = flags.value_or_empty(name);
  if (text.empty()) return std::nullopt;
  const auto duration = parse_duration(text);
  if (!duration) throw DockerfileError(cat("invalid duration ", quoted(text), " for --", name));
  if (*duration == 0) return std::nullopt;
  if (*duration < kSmallest) {
    throw DockerfileError(cat("Interval ", quoted(name), " cannot be less than 1ms"));
  }
  return duration;
}

// HEALTH-05.
std::optional<int> read_retries(const Flags& flags) {
  std::string text = flags.value_or_empty("retries");
  if (text.empty()) return std::nullopt;
  const bool negative = text.front() == '-';
  if (negative || text.front() == '+') text.erase(0, 1);
  constexpr unsigned long kLargest = std::numeric_limits<int>::max();
  const auto count = to_number(text, 10, kLargest);
  if (!count) throw DockerfileError(cat("invalid value for --retries: ", quoted(text)));
  if (negative && *count > 0)
    throw DockerfileError(cat("--retries cannot be negative (-", *count, ")"));
  if (*count == 0) return std::nullopt;
  return static_cast<int>(*count);
}

}  // namespace

Instruction make_maintainer(Statement&& statement) {
  Maintainer maintainer;
  maintainer.name = only_word(statement, "MAINTAINER");
  maintainer.origin = std::move(statement.origin);
  return maintainer;
}

Instruction make_workdir(Statement&& statement) {
  Workdir workdir;
  workdir.path = only_word(statement, "WORKDIR");
  workdir.origin = std::move(statement.origin);
  return workdir;
}

Instruction make_user(Statement&& statement) {
  User user;
  user.user = only_word(statement, "USER");
  user.origin = std::move(statement.origin);
  return user;
}

Instruction make_stopsignal(Statement&& statement) {
  Stopsignal stopsignal;
  stopsignal.signal = only_word(statement, "STOPSIGNAL");
  stopsignal.origin = std::move(statement.origin);
  return stopsignal;
}

Instruction make_volume(Statement&& statement) {
  Volume volume;
  need_words(statement, "VOLUME");
  for (const std::string& word : statement.words) {
    const std::string_view path = trim(word);
    if (path.empty()) throw DockerfileError("VOLUME specified can not be an empty string");
    volume.paths.emplace_back(path);
  }
  volume.origin = std::move(statement.origin);
  return volume;
}

Instruction make_expose(Statement&& statement) {
  Expose expose;
  need_words(statement, "EXPOSE");
  expose.ports = std::move(statement.words);
  std::sort(expose.ports.begin(), expose.ports.end());
  expose.origin = std::move(statement.origin);
  return expose;
}

Instruction make_healthcheck(Statement&& statement) {
  Healthcheck health;
  need_words(statement, "HEALTHCHECK");
  std::vector<std::string>& words = statement.words;
  const std::string type = to_upper(words.front());
  if (type == "NONE") {
    if (words.size() > 1) throw DockerfileError("HEALTHCHECK NONE takes no arguments");
    health.test = {"NONE"};
  } else if (type == "CMD") {
    if (words.size() < 2) throw DockerfileError("Missing command after HEALTHCHECK CMD");
    health.test = std::move(words);
    health.test.front() = statement.json ? "CMD" : "CMD-SHELL";
    health.interval_ns = read_interval(statement.flags, "interval");
    health.timeout_ns = read_interval(statement.flags, "timeout");
    health.start_period_ns = read_interval(statement.flags, "start-period");
    health.start_interval_ns = read_interval(statement.flags, "start-interval");
    health.retries = read_retries(statement.flags);
  } else {
    throw DockerfileError(cat("Unknown type ", quoted(type), " in HEALTHCHECK (try CMD)"));
  }
  health.origin = std::move(statement.origin);
  return health;
}

// ONBUILD-01, ONBUILD-02. The trigger's own flags and keyword are judged when it runs, as its text
// may be meant for another builder; what cannot be split into words fails here.
Instruction make_onbuild(Statement&& statement) {
  Onbuild onbuild;
  need_words(statement, "ONBUILD");
  onbuild.trigger = statement.rest();
  for (const Heredoc& heredoc : statement.heredocs) {
    onbuild.trigger += '\n';
    onbuild.trigger += heredoc.raw_body;
    onbuild.trigger += heredoc.name;
  }
  Statement inner = open_statement(std::string(statement.rest()), statement.escape);
  const std::string keyword = to_upper(inner.origin.keyword());
  if (keyword == "ONBUILD")
    throw DockerfileError("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (keyword == "FROM" || keyword == "MAINTAINER") {
    throw DockerfileError(keyword + " isn't allowed as an ONBUILD trigger");
  }
  if (const InstructionRule* rule = find_rule(keyword)) split_arguments(rule->form, inner);
  onbuild.origin = std::move(statement.origin);
  return onbuild;
}

}  // namespace cooper::parser
