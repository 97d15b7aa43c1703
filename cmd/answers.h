// Answers to --call=check, outline and targets as text, JSON or SARIF. Standard output gets just this.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "builder/outline.h"
#include "cmd/call.h"
#include "parser/findings.h"

namespace cooper::cmd {

// The Dockerfile an answer is about.
struct AnswerSource {
  std::string name;  // as errors show it: "Dockerfile"
  std::string path;  // as typed, "" for standard input
  std::string text;
};

// What --call=check found. A build error is what would end a build before anything runs.
struct CheckAnswer {
  struct BuildError {
    std::string message;
    std::vector<parser::SourceRange> ranges;
  };
  std::vector<parser::Diagnostic> findings;  // in line order
  std::optional<BuildError> error;
  bool findings_are_errors = false;  // check=error=true
};

std::string check_answer(const CheckAnswer& answer, const AnswerSource& source, Call::Format format);
std::string outline_answer(const builder::Outline& outline, const AnswerSource& source, Call::Format format);
std::string targets_answer(const std::vector<builder::Target>& targets, const AnswerSource& source,
                           Call::Format format);

}  // namespace cooper::cmd
