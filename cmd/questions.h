// The calls that run nothing (rows CALL-*): check, outline, targets.
#pragma once

#include <functional>

#include "builder/planner.h"
#include "cmd/answers.h"
#include "cmd/call.h"
#include "cmd/progress.h"
#include "parser/check.h"

namespace cooper::cmd {

// The file's `check` directive, or the build argument in its place (CHECK-24).
parser::CheckOptions check_options(const parser::Dockerfile& dockerfile, const builder::PlanOptions& plan);

struct Question {
  Call call;
  AnswerSource source;
  builder::PlanOptions plan;
  // Where base images' configs come from; asked for only if the question needs them.
  std::function<builder::BaseResolver&()> bases;
};

// Answers on standard output. Returns the exit code: of a check, 1 for findings as for what would end a build, which is
// told on stderr; what hinders cooper itself is thrown.
int answer(const Question& question, TerminalProgress& progress);

}  // namespace cooper::cmd
