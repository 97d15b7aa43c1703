#include "cmd/questions.h"

#include <iostream>

#include "base/error.h"
#include "builder/outline.h"
#include "builder/stand_in_bases.h"
#include "cmd/errors.h"
#include "parser/dockerfile.h"

namespace cooper::cmd {
namespace {

builder::StandInBases stand_in_bases(builder::BaseResolver& bases, TerminalProgress& progress) {
  return {bases, [&progress](const std::string& text) { progress.notice(text); }};
}

// Planned as for a build; findings are kept when that fails.
CheckAnswer check(const Question& question, builder::BaseResolver& bases, std::exception_ptr& failure) {
  CheckAnswer answer;
  parser::Findings findings;
  try {
    const parser::Dockerfile dockerfile = parser::parse_dockerfile(question.source.name, question.source.text);
    findings = parser::Findings(check_options(dockerfile, question.plan));
    static_cast<void>(builder::make_plan(dockerfile, question.plan, bases, findings));
    if (findings.fails_build()) throw Error(Errc::step_failed, findings.failure());
  } catch (const parser::DockerfileError& error) {
    if (error.code() == Errc::cancelled) throw;
    failure = std::current_exception();
    answer.error = {message_of(error), error.ranges()};
  } catch (const Error& error) {
    if (error.code() == Errc::cancelled) throw;
    failure = std::current_exception();
    answer.error = {error.what(), {}};
  }
  answer.findings = findings.sorted();
  answer.findings_are_errors = findings.fails_build();
  return answer;
}

}  // namespace

parser::CheckOptions check_options(const parser::Dockerfile& dockerfile, const builder::PlanOptions& plan) {
  const auto given = plan.build_args.find("BUILDKIT_DOCKERFILE_CHECK");
  return parser::check_of_file(dockerfile.directives, given == plan.build_args.end() ? nullptr : &given->second);
}

int answer(const Question& question, TerminalProgress& progress) {
  const Call& call = question.call;
  if (call.kind == Call::Kind::check) {
    auto bases = stand_in_bases(question.bases(), progress);
    std::exception_ptr failure;
    const CheckAnswer found = check(question, bases, failure);
    progress.close();
    std::cout << check_answer(found, question.source, call.format) << std::flush;
    if (failure) report(failure, {question.source.name, question.source.text, ""});
    return failure || !found.findings.empty() ? 1 : 0;
  }
  const parser::Dockerfile dockerfile = parser::parse_dockerfile(question.source.name, question.source.text);
  if (call.kind == Call::Kind::targets) {
    std::cout << targets_answer(builder::list_targets(dockerfile), question.source, call.format);
    return 0;
  }
  auto bases = stand_in_bases(question.bases(), progress);
  const builder::Outline outline = builder::make_outline(dockerfile, question.plan, bases);
  progress.close();
  std::cout << outline_answer(outline, question.source, call.format);
  return 0;
}

}  // namespace cooper::cmd
