#include "builder/stage_planner.h"

#include <linux/limits.h>

#include <algorithm>

#include "base/error.h"
#include "builder/history_text.h"
#include "builder/step_display.h"
#include "parser/ports.h"
#include "parser/stop_signal.h"
#include "parser/text.h"

namespace cooper::builder {
namespace {

bool makes_step(const parser::Instruction& instruction) {
  return std::holds_alternative<parser::Run>(instruction) ||
         std::holds_alternative<parser::Copy>(instruction) ||
         std::holds_alternative<parser::Add>(instruction) ||
         std::holds_alternative<parser::Workdir>(instruction);
}

// Nothing in it asks for a variable, and no quote or escape has to go (EXP-*): most words are so.
bool stands_for_itself(const std::string& word, char escape) {
  return std::none_of(word.begin(), word.end(),
                      [escape](char c) { return c == '$' || c == '"' || c == '\'' || c == escape; });
}

void append_assignment(std::string& text, const std::string& name, const std::string& value) {
  text.append(1, ' ').append(name).append(1, '=').append(value);
}

std::int64_t or_zero(const std::optional<std::int64_t>& value) { return value.value_or(0); }

}  // namespace

StagePlanner::StagePlanner(PlanBuilder& plan, const StageText& text, PlannedStage begun)
    : plan_(plan),
      text_(text),
      stage_(std::move(begun)),
      range_(text.from->origin.range) {
  for (const std::string& trigger : stage_.result.config.on_build) {
    if (trigger.find("TARGETSTAGE") != std::string::npos) plan_.depend_on_target();
    try {
      // By the default escape character: the text may come from another file (the child's acts in expansion only).
      triggers_.push_back(parser::parse_trigger(trigger));
      if (std::holds_alternative<parser::From>(triggers_.back())) {
        throw parser::DockerfileError("FROM isn't allowed as an ONBUILD trigger");
      }
    } catch (const parser::DockerfileError& error) {  // its lines are the trigger's own
      throw parser::DockerfileError(error.what(), {range_}, error.code());
    }
  }
  stage_.result.config.on_build.clear();  // ONBUILD-04
  for (const parser::Instruction& trigger : triggers_) step_total_ += makes_step(trigger) ? 1 : 0;
  for (const parser::Instruction* each : text.body) step_total_ += makes_step(*each) ? 1 : 0;
  stage_.result.history.reserve(stage_.result.history.size() + triggers_.size() + text.body.size());
  origin_ = &text.from->origin;
  if (!stage_.base_image.empty()) ++step_total_;
  total_text_ = std::to_string(step_total_);
  if (stage_.base_image.empty()) return;
  plan_.name_source(stage_.result.rootfs, display_begun() + "FROM " + stage_.base_image, range_);
  stage_.base_image.clear();
}

PlannedStage StagePlanner::finish() {
  run_triggers();
  for (const parser::Instruction* instruction : text_.body) visit_at(*instruction, std::nullopt);
  return std::move(stage_);
}

void StagePlanner::run_triggers() {
  from_trigger_ = true;
  for (const parser::Instruction& trigger : triggers_) visit_at(trigger, text_.from->origin.range);
  from_trigger_ = false;
}

void StagePlanner::visit_at(const parser::Instruction& instruction, std::optional<parser::SourceRange> range) {
  origin_ = &parser::origin_of(instruction);
  range_ = range.value_or(origin_->range);
  try {
    std::visit(*this, instruction);
  } catch (parser::DockerfileError& error) {
    if (from_trigger_) throw parser::DockerfileError(error.what(), {range_}, error.code());  // ONBUILD-06
    error.locate(range_);
    throw;
  } catch (const Error& error) {
    if (error.code() == Errc::cancelled) throw;
    throw parser::DockerfileError(error.what(), {range_}, error.code());
  }
}

std::string StagePlanner::expand(const std::string& word) {
  if (stands_for_itself(word, plan_.escape())) return word;
  std::vector<std::string> unset;
  std::string text = parser::expand_word(word, plan_.escape(), stage_.scope.lookup(), &unset);
  report_undefined(unset);
  return text;
}

std::string StagePlanner::expand_body(const parser::Heredoc& heredoc) {
  if (!heredoc.expand) return heredoc.body;
  std::vector<std::string> unset;
  std::string text = parser::expand_heredoc(heredoc.body, stage_.scope.lookup(), &unset);
  report_undefined(unset);
  return text;
}

std::vector<std::string> StagePlanner::with_shell(const std::string& text) const {
  const auto& shell = stage_.result.config.shell;
  std::vector<std::string> argv;
  if (shell && !shell->empty()) {
    argv.reserve(shell->size() + 1);
    argv = *shell;
  } else {
    argv.reserve(3);
    argv.emplace_back("/bin/sh");
    argv.emplace_back("-c");
  }
  argv.push_back(text);
  return argv;
}

std::string StagePlanner::history_begun(const char* keyword) const {
  constexpr std::size_t kUsualGrowth = 32;  // bytes, by values and remarks
  std::string text;
  text.reserve(origin_->text.size() + kUsualGrowth);
  text += keyword;
  return text;
}

void StagePlanner::record(std::string created_by, std::optional<StepId> step) {
  stage_.result.history.push_back({std::move(created_by), step});
}

// ERR-04: "linux/amd64->arm64 " when there are several platforms; what the stage compiles for is behind the arrow.
std::string StagePlanner::platform_prefix() const {
  if (!plan_.options().show_platforms) return "";
  const oci::Platform& here = stage_.platform;
  const parser::Lookup variable = stage_.scope.lookup();
  oci::Platform target = here;
  if (const auto text = variable("TARGETPLATFORM")) {
    try {
      target = oci::parse_platform(*text);
    } catch (const Error&) {  // a build argument may say anything, and this is a name only
    }
  } else {
    target.os = variable("TARGETOS").value_or(here.os);
    target.architecture = variable("TARGETARCH").value_or(here.architecture);
    if (target.architecture != here.architecture) target.variant = variable("TARGETVARIANT").value_or("");
    target = oci::normalize(target);
  }
  std::string text = here.str();
  if (target.os != here.os) {
    text += "->" + target.str();
  } else if (target.architecture != here.architecture) {
    text += "->" + target.architecture + (target.variant.empty() ? "" : "/" + target.variant);
  }
  return text + " ";
}

// ERR-04: "[stage i/n] INSTRUCTION text", no name when there is one stage.
std::string StagePlanner::display_begun() {
  constexpr std::size_t kUsualGrowth = 48;  // bytes, by what stands here and by values
  const std::string number = std::to_string(++step_number_);
  std::string text;
  text.reserve(origin_->text.size() + kUsualGrowth);
  text += '[';
  text += platform_prefix();
  if (plan_.table().stages().size() > 1) {
    text += text_.name.empty() ? "stage-" + std::to_string(text_.index) : text_.name;
    text += ' ';
  }
  text.append(total_text_.size() - std::min(total_text_.size(), number.size()), ' ');
  text.append(number).append(1, '/').append(total_text_).append("] ");
  if (from_trigger_) text += "ONBUILD ";
  return text;
}

StepId StagePlanner::add_step(Step&& step) {
  step.stage = text_.shown();
  step.range = range_;
  step.ignore_cache = plan_.options().no_cache;
  for (const std::string& name : plan_.options().no_cache_stages) {
    step.ignore_cache = step.ignore_cache || parser::to_lower(name) == step.stage;
  }
  const StepId id = plan_.add(std::move(step));
  stage_.result.rootfs = id;
  return id;
}

std::string StagePlanner::absolute(const std::string& path) const {
  const std::string& cwd = stage_.result.config.working_dir;
  const bool is_absolute = !path.empty() && path.front() == '/';
  return TreePath::clean(is_absolute ? path : cwd + "/" + path).absolute();
}

void StagePlanner::operator()(const parser::From&) {
  throw std::logic_error("FROM begins a stage and is in none");
}

void StagePlanner::operator()(const parser::Arg& arg) {
  std::vector<std::string> unset;
  const auto words = stage_.scope.declare(arg, plan_.globals(), plan_.escape(), &unset);
  report_undefined(unset);
  for (const parser::Arg::Entry& entry : arg.entries) report_secret("ARG", entry.name);
  if (auto* recorder = plan_.recorder()) recorder->argument(text_.index, arg, plan_.globals(), stage_.scope);
  record("ARG " + join_words(words));
}

void StagePlanner::operator()(const parser::Env& env) {
  if (env.legacy) report(parser::rules::kLegacyKeyValueFormat, {"ENV", "ENV"});
  std::vector<std::pair<std::string, std::string>> values;
  values.reserve(env.entries.size());
  std::string text = history_begun("ENV");
  for (const parser::KeyValue& pair : env.entries) {
    const auto& [name, value] = values.emplace_back(expand(pair.key), expand(pair.value));
    report_secret("ENV", name);
    append_assignment(text, name, value);
  }
  stage_.env_changed = true;
  for (const auto& [name, value] : values) {
    stage_.image_env.set(name, value);
    stage_.scope.set_env(name, value);
  }
  record(std::move(text));
}

void StagePlanner::operator()(const parser::Label& label) {
  if (label.legacy) report(parser::rules::kLegacyKeyValueFormat, {"LABEL", "LABEL"});
  std::string text = history_begun("LABEL");
  for (const parser::KeyValue& pair : label.entries) {
    std::string key = expand(pair.key);
    std::string value = expand(pair.value);
    append_assignment(text, key, value);
    stage_.result.config.labels.insert_or_assign(std::move(key), std::move(value));
  }
  record(std::move(text));
}

void StagePlanner::operator()(const parser::Maintainer& maintainer) {
  stage_.result.config.author = maintainer.name;
  record("MAINTAINER " + maintainer.name);
}

void StagePlanner::operator()(const parser::Workdir& workdir) {
  const std::string written = expand(workdir.path);
  if (!stage_.workdir_set && !written.starts_with('/')) report(parser::rules::kWorkdirRelativePath, {written});
  stage_.workdir_set = true;
  const std::string path = absolute(written);
  if (path.size() >= PATH_MAX) {  // neither mkdir nor chdir take it
    throw parser::DockerfileError(cat("WORKDIR: the path would be longer than ", PATH_MAX - 1, " bytes"));
  }
  stage_.result.config.working_dir = path;
  const std::string text = "WORKDIR " + path;  // WORKDIR-04
  if (path == "/") {
    record(text);
    return;
  }
  const StepId parent = stage_.result.rootfs;
  Step step{.operation = MakeDirStep{parent, path, stage_.result.config.user}, .display = display_begun()};
  append_instruction(step.display, workdir.origin, stage_.scope.lookup());
  record(text, add_step(std::move(step)));
}

void StagePlanner::operator()(const parser::User& user) {
  stage_.result.config.user = expand(user.user);
  record("USER " + stage_.result.config.user);
}

void StagePlanner::operator()(const parser::Cmd& cmd) {
  note_only_one(last_cmd_, "CMD");
  report_shell_form(cmd.command, "CMD");
  stage_.result.config.cmd = cmd.command.shell_form ? with_shell(cmd.command.args.at(0)) : cmd.command.args;
  stage_.result.config.args_escaped = true;  // CMD-06
  cmd_set_ = true;
  record("CMD " + quoted_list(*stage_.result.config.cmd));
}

void StagePlanner::operator()(const parser::Entrypoint& entrypoint) {
  const parser::Command& command = entrypoint.command;
  note_only_one(last_entrypoint_, "ENTRYPOINT");
  report_shell_form(command, "ENTRYPOINT");
  stage_.result.config.entrypoint = command.shell_form ? with_shell(command.args.at(0)) : command.args;
  if (!cmd_set_) stage_.result.config.cmd.reset();  // CMD-03
  record("ENTRYPOINT " + quoted_list(*stage_.result.config.entrypoint));
}

void StagePlanner::operator()(const parser::Shell& shell) {
  stage_.result.config.shell = shell.shell;
  record("SHELL " + bracketed(shell.shell));
}

void StagePlanner::operator()(const parser::Healthcheck& check) {
  note_only_one(last_healthcheck_, "HEALTHCHECK");
  oci::Healthcheck value;
  value.test = check.test;
  value.interval_ns = or_zero(check.interval_ns);
  value.timeout_ns = or_zero(check.timeout_ns);
  value.start_period_ns = or_zero(check.start_period_ns);
  value.start_interval_ns = or_zero(check.start_interval_ns);
  value.retries = check.retries.value_or(0);
  stage_.result.config.healthcheck = value;
  record(healthcheck_text(value));
}

void StagePlanner::operator()(const parser::Onbuild& onbuild) {
  stage_.result.config.on_build.push_back(onbuild.trigger);  // ONBUILD-01: no history
}

void StagePlanner::operator()(const parser::Volume& volume) {
  std::vector<std::string> paths;
  for (const std::string& path : volume.paths) {
    paths.push_back(expand(path));
    if (paths.back().empty()) {
      throw parser::DockerfileError("VOLUME specified can not be an empty string");
    }
  }
  stage_.result.config.volumes.insert(paths.begin(), paths.end());
  record("VOLUME " + bracketed(paths));
}

void StagePlanner::operator()(const parser::Expose& expose) {
  std::vector<std::string> ports;
  for (const std::string& word : expose.ports) {
    for (const std::string& port : parser::expand_words(word, plan_.escape(), stage_.scope.lookup())) {
      const parser::ExposedPorts parsed = parser::parse_ports(port);
      if (parsed.odd_protocol_case) report(parser::rules::kExposeProtoCasing, {port});
      if (parsed.has_host_part) report(parser::rules::kExposeInvalidFormat, {port});
      ports.insert(ports.end(), parsed.ports.begin(), parsed.ports.end());
    }
  }
  stage_.result.config.exposed_ports.insert(ports.begin(), ports.end());
  record("EXPOSE " + bracketed(ports));
}

void StagePlanner::operator()(const parser::Stopsignal& signal) {
  const std::string text = expand(signal.signal);
  parser::check_stop_signal(text);
  stage_.result.config.stop_signal = text;
  record("STOPSIGNAL " + text);
}

}  // namespace cooper::builder
