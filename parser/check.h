// The `check` directive and its per-instruction form (rows DIR-08, CHECK-24, CHECK-26).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "parser/dockerfile.h"
#include "parser/rules.h"

namespace cooper::parser {

struct CheckOptions {
  std::vector<std::string> skip;  // rule names, case-sensitive
  bool skip_all = false;
  std::vector<std::string> experimental;
  bool experimental_all = false;
  bool error = false;  // findings fail the build (CHECK-25)
};

// "skip=A,B;error=true;experimental=C". Throws DockerfileError "invalid check option".
CheckOptions parse_check(std::string_view text);

// What holds for a file: its `check` directive, or the build argument BUILDKIT_DOCKERFILE_CHECK in its place (CHECK-24).
CheckOptions check_of_file(const Directives& directives, const std::string* build_arg);

// May the rule speak? Experimental rules are asked for and never skipped, the others the other way round.
bool allows(const CheckOptions& options, const Rule& rule);

// With what the comment lines above an instruction add: "check=skip=A". A malformed one counts as an
// ordinary comment.
CheckOptions with_comments(CheckOptions options, const std::vector<std::string>& comments);

}  // namespace cooper::parser
