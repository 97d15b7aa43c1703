// A failure of one step, with where it stands in the Dockerfile.
#pragma once

#include <string>

#include "base/error.h"
#include "builder/plan.h"
#include "parser/source.h"

namespace cooper::builder {

class StepError : public Error {
 public:
  StepError(Errc code, const std::string& message, const Step& step, int exit_code = 0)
      : Error(code, message), range_(step.range), display_(step.display), exit_code_(exit_code) {}

  const parser::SourceRange& range() const noexcept { return range_; }
  const std::string& display() const noexcept { return display_; }
  int exit_code() const noexcept { return exit_code_; }  // of the step's process, 0 when none failed

 private:
  parser::SourceRange range_;
  std::string display_;
  int exit_code_;
};

}  // namespace cooper::builder
