// Failures as people see them, and the one table from Errc to exit code.
#pragma once

#include <exception>
#include <string>

#include "base/error.h"
#include "parser/source.h"

namespace cooper::cmd {

int exit_code_of(Errc code);

// What was being read, for excerpts (ERR-01); empty when no Dockerfile is involved.
struct Excerpts {
  std::string dockerfile_name;
  std::string dockerfile_text;
  std::string last_output;  // of the failed step (ERR-03)
};

// "dockerfile parse error on line 2: unknown instruction: BUN"; without the prefix where the text reads well.
std::string message_of(const parser::DockerfileError& error);

// Prints the failure to stderr, once, with an excerpt where it has a place; returns the exit code.
int report(const std::exception_ptr& failure, const Excerpts& excerpts);

}  // namespace cooper::cmd
